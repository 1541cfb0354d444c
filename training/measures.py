"""What can be read off a finished picture by rule, and by comparing it with the drawings.

Background word (nearest of 15, chance 7%), foreground colour word, place (centre of the foreground within
.1 of the picture's side), size (its longer side within .12), object retrieval among all objects of the same style
(24x24 Lab signature; R@1, R@5, and `distance` to the right drawing, lower is better). Pairs are split at the middle and
each half retrieved. `unseen`, for a drawing held out from training: it is nearer to the picture than any drawing of any style
that was trained on.
"""
import numpy as np
from PIL import Image

import build_dataset as B
import emojidata as E


def small(a):
    return np.asarray(Image.fromarray(a).resize((128, 128), Image.BOX))


def to_bytes(x):
    """[n,3,h,w] in -1..1 -> uint8 [n,h,w,3]"""
    return x.mul(127.5).add(127.5).round().clamp(0, 255).byte().permute(0, 2, 3, 1).cpu().numpy()


def renderer(rows, images):
    """Draws scenes on the GPU, if there is one"""
    import torch
    from compose import Renderer
    return Renderer(rows, images, "cuda" if torch.cuda.is_available() else "cpu")


def references(rows, images, held):
    """Signature of every object in every style, on a background it stands out from, and whether training saw it."""
    from compose import Composer, pack, prompt_scene
    c, render, trained = Composer(rows), renderer(rows, images), {r["i"] for r in Composer(rows, held).pool}
    rs = [r for r in rows if r["tier"] == "object"]
    sig = []
    for i in range(0, len(rs), 64):
        part = [prompt_scene(c, r, "light blue" if r["tint"] else "white") for r in rs[i:i + 64]]
        sig += [E.signature(small(a)).astype(np.float16) for a in to_bytes(render(pack(part)))]
    return dict(signature=np.stack(sig), row=np.array([r["i"] for r in rs]), style=np.array([r["style"] for r in rs]),
                trained=np.array([r["i"] in trained for r in rs]))


_refs = {}                    # style -> rows and signatures of its objects; "trained": of all styles, what training saw


def start(path):
    z = np.load(path)
    for s in set(z["style"].tolist()):
        m = z["style"] == s
        _refs[s] = (z["row"][m], z["signature"][m].astype(np.float32))
    _refs["trained"] = (z["row"][z["trained"]], z["signature"][z["trained"]].astype(np.float32))


def rank(img, row, style):
    """-> place of the right object among the style's objects (0 is best), the nearest object's row, distance to the right one"""
    who, M = _refs[style]
    at = np.where(who == row)[0]
    if not len(at):
        return None, None, None
    d = ((M - E.signature(img)) ** 2).mean(1)
    return int((d < d[at[0]]).sum()), int(who[d.argmin()]), float(d[at[0]] ** .5)


def nearest(img):
    """-> row of the nearest drawing that was trained on, its distance"""
    who, M = _refs["trained"]
    d = ((M - E.signature(img)) ** 2).mean(1)
    return int(who[d.argmin()]), float(d.min() ** .5)


def measure(job):
    """One picture and its prompt -> dict of what could be measured without the judge"""
    img, p = job
    a = small(img)
    out = dict(background=E.measure_background(a)[0] == p["bg"])
    if len(p["objects"]) > 2:
        return out
    if len(p["objects"]) == 2:
        ranks = [rank(h, o[0], p["style"])[0] for h, o in zip((a[:, :64], a[:, 64:]), p["objects"])]
        ranks = [r for r in ranks if r is not None]
        if ranks:
            out.update(r1=np.mean([r == 0 for r in ranks]), r5=np.mean([r < 5 for r in ranks]))
        return out
    m, box = E.foreground(a)
    row, x, y, scale = p["objects"][0]
    r, near, far = rank(a, row, p["style"])
    if r is not None and not p["color"]:          # the references have their own colours
        out.update(r1=r == 0, r5=r < 5, nearest=near, distance=far)
        if p["group"] == "heldout_style":
            out["unseen"] = far < nearest(a)[1]
    if p["color"] and box is not None:
        k = np.bincount(B.color_index(a[m].astype(np.float32) / 255), minlength=11)
        k[:3] = 0
        out["color"] = B.COLORS[int(k.argmax())] == p["color"]
    elif p["color"]:
        out["color"] = False
    if box is None:
        out.update(place=False, size=False)
    else:
        cx, cy = (box[0] + box[2]) / 256, (box[1] + box[3]) / 256
        out["place"] = abs(cx - x) < .1 and abs(cy - y) < .1
        out["size"] = abs(max(box[2] - box[0], box[3] - box[1]) / 128 - scale) < .12
    return out
