"""Contact sheets: pictures that nobody chose, and the training drawing nearest to each."""
import numpy as np

import emojidata as E
from measures import nearest, renderer, small, to_bytes


def some(pictures, prompts, columns, groups):
    """The first picture of the first prompts of each group, `columns` of them: nobody chose them"""
    taken = {g: [] for g in groups}
    for a, p in sorted(zip(pictures, prompts), key=lambda x: x[1]["seed"]):
        row = taken.get(p["group"], [])
        if len(row) < columns and p["prompt"] not in [q["prompt"] for _, q in row]:
            row.append((a, p))
    return {g: v for g, v in taken.items() if v}


def grid(taken, columns):
    """Rows of (pictures, prompts) -> one picture"""
    white = np.full((128, 128, 3), 255, np.uint8)
    return np.concatenate([np.concatenate(([small(a) for a in row] + [white] * columns)[:columns], 1) for row in taken])


def nearest_sheet(o, pictures, prompts):
    """Pictures, and under each the trained drawing nearest to it, of whatever style: is it that drawing again?"""
    from compose import Composer, pack, prompt_scene
    rows, images = E.load(o.data)
    c, render, out = Composer(rows), renderer(rows, images), []
    for taken in some(pictures, prompts, o.columns, ["seen", "heldout_background", "heldout_style"]).values():
        out.append([a for a, _ in taken])
        out.append(list(to_bytes(render(pack([prompt_scene(c, rows[nearest(small(a))[0]]) for a, _ in taken])))))
        for _, p in taken:
            print(p["group"], "|", p["prompt"])
    return grid(out, o.columns)


def contact_sheet(o, pictures, prompts):
    taken = some(pictures, prompts, o.columns, dict.fromkeys(p["group"] for p in prompts))
    print(", ".join(taken))
    return grid([[a for a, _ in row] for row in taken.values()], o.columns)
