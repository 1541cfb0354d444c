"""What the evaluation draws: prompts with what each must show, from combinations that training saw and from those it never did.

The plain template's words, except in the groups `free` and `free_pair`. A prompt's pictures take the seeds from `seed` on.
"""
import collections
import random

import emojidata as E
from compose import COUNT, COUNT_PLACES, DEFAULT_STYLE, PAIR, USUAL, Composer, describe, prompt_scene

IMAGES = 4                    # pictures of a prompt, at most


def plan(rows, held, seed=11):
    """-> list of dict(prompt, seed, group, style, bg, color, objects=[[row, x, y, scale]], scene)"""
    rng = random.Random(seed)
    c = Composer(rows, held)
    by = collections.defaultdict(dict)
    for r in rows:
        by[r["hex"]][r["style"]] = r
    styles = list(E.STYLE_WORDS)
    objects = {s: [r for r in c.pool if r["style"] == s and r["tier"] == "object"] for s in styles}
    out = []

    def add(group, scene, color=None):
        out.append(dict(prompt=scene["caption"], seed=IMAGES * len(out), group=group, style=scene["style"], bg=scene["bg"][1][0],
                        color=color, objects=[[o["i"], o["cx"], o["cy"], o["scale"]] for o in scene["objs"]],
                        scene=scene))

    def free_bg(hexes, color=None):
        return c._bg_solid(rng, hexes, color)

    for k in range(180):
        r = rng.choice(objects[styles[k % 6]])
        add("seen", prompt_scene(c, r, free_bg([r["hex"]], "black" if r["tint"] else None)))
    for k, (h, bg) in enumerate(held["object_background"]):
        ss = [s for s in styles if s in by[h] and not (by[h][s]["tint"] and bg in ("black", "navy"))]
        if ss:
            add("heldout_background", prompt_scene(c, by[h][ss[k % len(ss)]], bg))
    for h, s in held["object_style"]:
        if s in by[h] and s in styles:
            add("heldout_style", prompt_scene(c, by[h][s], free_bg([h], "black" if by[h][s]["tint"] else None)))
    hued = [r for r in c.pool if r["tier"] == "object" and "hue" in r and not r["tint"]]
    for k in range(96):
        r = rng.choice(hued)
        w = rng.choice([w for w in E.TARGET if (r["hex"], w) not in c.no_color])
        add("seen_color", prompt_scene(c, r, rng.choice(["white", "gray"]), w), w)
    for h, w in held["object_color"]:
        rs = [r for r in by[h].values() if "hue" in r and not r["tint"] and (h, r["style"]) not in c.no_style]
        if rs:
            add("heldout_color", prompt_scene(c, rng.choice(rs), rng.choice(["white", "gray"]), w), w)
    for k in range(72):
        r = rng.choice(objects[styles[k % 6]])
        place = [p for p in E.PLACES if p != "in the center"][k % 8]
        add("place", prompt_scene(c, r, free_bg([r["hex"]], "black" if r["tint"] else None), place=place))
    for k in range(40):
        r = rng.choice(objects[styles[k % 6]])
        add("size", prompt_scene(c, r, free_bg([r["hex"]], "black" if r["tint"] else None), size=["small", "large"][k % 2]))
    pairs = [("heldout_pair", a, b) for a, b in held["object_pair"]]
    for _ in range(120):
        a, b = rng.sample(objects["noto"], 2)
        pairs.append(("seen_pair", a["hex"], b["hex"]))
    for k, (group, a, b) in enumerate(pairs):
        ss = [s for s in styles if s in by[a] and s in by[b] and (a, s) not in c.no_style and (b, s) not in c.no_style]
        if not ss:
            continue
        s = ss[k % len(ss)]
        r, q = by[a][s], by[b][s]
        ink = "black" if r["tint"] else None
        bg = ("solid", [free_bg([a, b], ink)], None, 0.0)
        bg = ("solid", bg[1], [E.BG[bg[1][0]]], 0.0)
        text = f"{E.article(r['name'])} to the left of {E.article(q['name'])}{describe(bg)}, {E.STYLE_WORDS[s][0]} style"
        add(group, dict(objs=[c._object(x, ink, p, .5, PAIR, rng, 0) for x, p in ((r, .26), (q, .74))], bg=bg, style=s, caption=text))

    # as people ask: a word or two, no style, no background
    def free(word):
        """The default style's drawing of an everyday word or a name, if the generator has seen it"""
        r = named.get(E.EVERYDAY.get(word, word))
        return r if r is not None and (r["hex"], DEFAULT_STYLE) not in c.no_style else None

    named = {r["name"]: r for r in c.pool if r["style"] == DEFAULT_STYLE}
    white = ("solid", ["white"], [E.BG["white"]], 0.0)
    words = [w for w in sorted(set(E.EVERYDAY) | E.COMMON) if free(w) is not None]
    for k, w in enumerate(words[::2]):
        add("free", dict(objs=[c._object(free(w), None, .5, .5, USUAL, rng, 0)], bg=white, style=DEFAULT_STYLE,
                         caption=w if k % 3 == 0 else E.article(w)))
    for _ in range(40):
        a, b = rng.sample(words, 2)
        if frozenset((free(a)["hex"], free(b)["hex"])) not in c.no_pair:
            add("free_pair", dict(objs=[c._object(free(w), None, p, .5, PAIR, rng, 0) for w, p in ((a, .26), (b, .74))], bg=white,
                                  style=DEFAULT_STYLE, caption=f"{E.article(a)} and {E.article(b)}"))
    for k in range(36):
        r = rng.choice([r for r in objects[styles[k % 6]] if E.countable(r["name"])])
        n = 2 + k // 6 % 3
        ink = "black" if r["tint"] else None
        bg = free_bg([r["hex"]], ink)
        spec = ("solid", [bg], [E.BG[bg]], 0.0)
        add(f"count_{n}", dict(objs=[c._object(r, ink, x, y, COUNT, rng, 0) for x, y in COUNT_PLACES[n]], bg=spec, style=r["style"],
                               caption=f"{E.NUMBERS[n]} {E.plural(r['name'])}{describe(spec)}, {E.STYLE_WORDS[r['style']][0]} style"))
    return out
