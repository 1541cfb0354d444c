"""Scenes: drawings on backgrounds, with captions. What is drawn is chosen on the processor, drawn on the GPU.

  c = Composer(rows, held)                    # held: heldout.json, combinations that training must not see
  scene = c.sample(random.Random(0))          # dict(objs, bg, style, caption)
  records, = pack([scene])                    # float32 [n, RECORD] for the renderer
  pictures = Renderer(rows, images, device)(records)        # [n,3,256,256] in -1..1

One thing has one usual place and size, with little jitter: a small network draws what it can predict, and blurs the
rest. A caption that names no background means white, one that names no style means (nearly always) 3d, so that
"red apple" has one answer.
"""
import random

import numpy as np
import torch
import torch.nn.functional as F

import emojidata as E

SIZE = 256
KINDS = ["solid", "gradient", "striped", "checkered", "polka dot"]
USUAL, LARGE, SMALL, PLACED, PAIR, COUNT = .80, .97, .40, .46, .45, .43     # longer side over the picture's side
OBJ = 5                                       # floats an object: drawing, cx, cy, scale, colour word
RECORD = 8 + 4 * OBJ                          # kind, two colours, phase, four objects
COLORS = list(dict.fromkeys(list(E.TARGET) + list(E.TINT)))
DEFAULT_STYLE = "fluent-3d"
WEIGHT = {"object": 1.0, "face": .9, "people": .5, "symbol": .4}
FAMILIAR = 2.0                                # times the weight, for what most people ask for first
PAIRS, COUNTS = .16, .07                      # shares of the scenes
COUNT_PLACES = {2: [(.26, .5), (.74, .5)], 3: [(.5, .26), (.26, .74), (.74, .74)],
                4: [(.26, .26), (.74, .26), (.26, .74), (.74, .74)]}
ALIAS = {}                                    # name -> everyday words for it
for _word, _name in E.EVERYDAY.items():
    ALIAS.setdefault(_name, []).append(_word)


def describe(bg, rng=None):
    kind, words = bg[0], bg[1]
    text = {"solid": words[0], "gradient": f"{words[0]} to {words[-1]} gradient"}.get(
        kind, f"{words[0]} and {words[-1]} {kind}")
    a = "an" if text[0] == "o" else "a"
    u = rng.random() if rng else 0
    if u < .68:
        return f" on {a} {text} background"
    if u < .80:
        return f", {text} background"
    if u < .85:
        return f" against {a} {text} background"
    if u < .90:
        return f" with {a} {text} background"
    return f" on {text}" if kind != "solid" or u < .97 else f" on plain {text}"


class Composer:
    def __init__(self, rows, held=None):
        held = held or {}
        self.rows = rows
        self.no_style = {tuple(x) for x in held.get("object_style", [])}
        self.no_bg = {tuple(x) for x in held.get("object_background", [])}
        self.no_color = {tuple(x) for x in held.get("object_color", [])}
        self.no_pair = {frozenset(x) for x in held.get("object_pair", [])}
        # joined sequences of people are gender twins and professions: hundreds of near-equal drawings, left out
        self.pool = [r for r in rows if (r["hex"], r["style"]) not in self.no_style
                     and not (r["tier"] == "people" and "-200d-" in r["hex"])]
        self.by_style = {}
        for r in self.pool:
            self.by_style.setdefault(r["style"], []).append(r)
        self.cum = np.cumsum([WEIGHT[r["tier"]] * (FAMILIAR if r["name"] in E.COMMON or r["name"] in ALIAS else 1) for r in self.pool])

    # -- what to draw
    def _bg(self, rng, hexes, color=None, tint=False):
        for _ in range(50):
            kind = rng.choices(["plain", *KINDS], [16, 60, 8, 6, 5, 5])[0]
            words = ["white"] if kind == "plain" else rng.sample(list(E.BG), 1 if kind == "solid" else 2)
            if any((h, w) in self.no_bg for h in hexes for w in words):
                continue
            if color in words or tint and any(np.abs(np.subtract(E.BG[w], E.TINT[color])).sum() < 150 for w in words):
                continue
            j = 0 if words == ["white"] else 5
            rgbs = [tuple(int(min(255, max(0, c + rng.randint(-j, j)))) for c in E.BG[w]) for w in words]
            return ("solid" if kind == "plain" else kind), words, rgbs, rng.random()
        return "solid", ["beige"], [E.BG["beige"]], 0.0

    def _bg_solid(self, rng, hexes, color=None):
        """One colour word that may stand behind these objects (evaluation)."""
        return rng.choice([w for w in E.BG if w != color and not any((h, w) in self.no_bg for h in hexes) and not (
            color in E.TINT and np.abs(np.subtract(E.BG[w], E.TINT[color])).sum() < 150)])

    def _name(self, r, rng):
        return rng.choice(ALIAS[r["name"]]) if r["name"] in ALIAS and rng.random() < .4 else r["name"]

    def _subject(self, r, rng):
        """-> (colour to apply or None, words for the object)"""
        name = self._name(r, rng)
        if r["tint"]:
            cols = [c for c in E.TINT if (r["hex"], c) not in self.no_color]
            col = rng.choice(cols) if rng.random() < .6 else "black"
            name = E.strip_color(name)
            return col, (f"{col} {name}" if col != "black" or rng.random() < .3 or name in E.COLOR_WORDS else name)
        if "hue" in r and r["tier"] == "object" and rng.random() < .3:
            cols = [c for c in E.TARGET if (r["hex"], c) not in self.no_color]
            col = rng.choice(cols)
            return col, f"{col} {E.strip_color(name)}"
        if r.get("colors") and r["colors"][0][1] > .5 and rng.random() < .2 and r["tier"] != "symbol":
            return None, f'{r["colors"][0][0]} {E.strip_color(name)}'
        return None, name

    def sample(self, rng):
        i = int(np.searchsorted(self.cum, rng.random() * self.cum[-1]))
        r = self.pool[min(i, len(self.pool) - 1)]
        u = rng.random()
        if u < PAIRS:
            q = rng.choice(self.by_style[r["style"]])
            if q["hex"] != r["hex"] and frozenset((r["hex"], q["hex"])) not in self.no_pair:
                return self._pair(r, q, rng)
        elif u < PAIRS + COUNTS and E.countable(r["name"]):
            return self._count(r, rng)
        return self._single(r, rng)

    def _object(self, r, color, cx, cy, scale, rng, jitter=.3):
        if rng.random() < jitter:             # whole latent cells, so that the drawing meets the grid as it always does
            cx, cy = cx + rng.choice([-1, 0, 1]) / 32, cy + rng.choice([-1, 0, 1]) / 32
        b = r["box"]
        k = scale / max(b[2] - b[0], b[3] - b[1]) / 2
        hx, hy = (b[2] - b[0]) * k, (b[3] - b[1]) * k
        return dict(i=r["i"], color=color, cx=min(max(cx, hx), 1 - hx), cy=min(max(cy, hy), 1 - hy), scale=scale)

    def _single(self, r, rng):
        color, words = self._subject(r, rng)
        bg = self._bg(rng, [r["hex"]], color, r["tint"])
        scale, size, place, u = USUAL, "", "", rng.random()
        if u < .22:
            place = rng.choice(list(E.PLACES))
            scale = PLACED if place != "in the center" else USUAL
        elif u < .27:
            size, scale = rng.choice(["small", "small", "tiny", "little"]), SMALL
        elif u < .32:
            size, scale = rng.choice(["large", "large", "big", "huge"]), LARGE
        elif u < .35:                         # size and place together
            size, scale, place = "small", SMALL, rng.choice(list(E.PLACES))
        x, y = E.PLACES[place or "in the center"]
        obj = self._object(r, color, x, y, scale, rng)
        words = f"{size} {words}".strip()
        text = words if rng.random() < .3 else E.article(words)
        if place:
            text += " " + place
        if rng.random() < .06 and r["keywords"] and not color:
            text += ", " + ", ".join(rng.sample(r["keywords"], min(len(r["keywords"]), rng.choice([1, 2]))))
        return self._finish([obj], bg, text, r["style"], rng)

    def _pair(self, r, q, rng):
        cols, words = zip(*[self._subject(x, rng) for x in (r, q)])
        if r["tint"]:
            ink = cols[0] if (q["hex"], cols[0]) not in self.no_color else "black"
            cols = (ink, ink)                                 # one ink in a line drawing
            words = [(f"{cols[0]} " if cols[0] != "black" else "") + E.strip_color(x["name"]) for x in (r, q)]
        bg = self._bg(rng, [r["hex"], q["hex"]], cols[0], r["tint"])
        upright = rng.random() < .3
        pos = [(.5, .26), (.5, .74)] if upright else [(.26, .5), (.74, .5)]
        objs = [self._object(x, c, *p, PAIR, rng, 0) for x, c, p in zip((r, q), cols, pos)]
        a, b = words if rng.random() < .2 else map(E.article, words)
        text = rng.choice([f"{a} above {b}", f"{b} below {a}"] if upright else
                          [f"{a} to the left of {b}", f"{b} to the right of {a}", f"{a} left of {b}", f"{a} next to {b}",
                           f"{a} and {b}", f"{a} and {b}"])
        return self._finish(objs, bg, text, r["style"], rng)

    def _count(self, r, rng):
        n = rng.choice([2, 3, 4])
        color, _ = self._subject(r, rng)
        bg = self._bg(rng, [r["hex"]], color, r["tint"])
        objs = [self._object(r, color, x, y, COUNT, rng, 0) for x, y in COUNT_PLACES[n]]
        name = self._name(r, rng)
        name = E.plural(E.strip_color(name) if color else name)
        words = name if color in (None, "black") and not (color and not r["tint"]) else f"{color} {name}"
        return self._finish(objs, bg, f"{E.NUMBERS[n]} {words}", r["style"], rng)

    def _finish(self, objs, bg, text, style, rng):
        st = rng.choices(E.STYLE_WORDS[style], [6] + [1] * (len(E.STYLE_WORDS[style]) - 1))[0]
        plain = bg[0] == "solid" and bg[1] == ["white"]
        where = "" if rng.random() < (.6 if plain else .01) else describe(bg, rng)
        u = rng.random()
        if u < (.35 if style == DEFAULT_STYLE else .015):
            text += where
        elif u < .70:
            text += f"{where}, {st} style"
        elif u < .82:
            text += f", {st} style{where}"
        elif u < .90:
            text += f"{where}, {st}"
        elif u < .94:
            text += f"{where} in {st} style"
        else:
            first = text.split(" ")[0]
            if first in ("a", "an"):
                rest = text[len(first) + 1:]
                text = f"{'an' if st[0] in 'aeiou' else 'a'} {st} {rest}{where}"
            else:
                text = f"{st} {text}{where}"
        u = rng.random()
        if u < .03:
            text = rng.choice(["a picture of ", "a drawing of ", "an image of ", "an emoji of ", "a photo of "]) + text
        return dict(objs=objs, bg=bg, style=style, caption=text)


def prompt_scene(composer, row, bg="white", color=None, place="in the center", size="", style_words=True):
    """The scene and caption of an evaluation prompt, in the plainest words of the grammar."""
    scale = {"small": SMALL, "large": LARGE}.get(size) or (USUAL if place == "in the center" else PLACED)
    name = f"{color} {E.strip_color(row['name'])}" if color else row["name"]
    text = E.article(f"{size} {name}".strip()) + (f" {place}" if place != "in the center" else "")
    spec = ("solid", [bg], [E.BG[bg]], 0.0)
    text += describe(spec) + (f", {E.STYLE_WORDS[row['style']][0]} style" if style_words else "")
    tint = color or ("black" if row["tint"] else None)
    obj = composer._object(row, tint, *E.PLACES[place], scale, random.Random(0), 0)
    return dict(objs=[obj], bg=spec, style=row["style"], caption=text)


def pack(scenes):
    out = np.full((len(scenes), RECORD), -1, np.float32)
    for k, s in enumerate(scenes):
        kind, _, rgbs, phase = s["bg"]
        out[k, :8] = [KINDS.index(kind), *rgbs[0], *rgbs[-1], phase]
        for n, o in enumerate(s["objs"]):
            out[k, 8 + n * OBJ:8 + (n + 1) * OBJ] = [
                o["i"], o["cx"], o["cy"], o["scale"], COLORS.index(o["color"]) if o["color"] else -1]
    return out


# ---------------------------------------------------------------- drawing
def hsv(rgb):
    """[b,3,h,w] in 0..1 -> hue in degrees, saturation, value"""
    mx, mn = rgb.max(1).values, rgb.min(1).values
    d = mx - mn
    r, g, b = rgb.unbind(1)
    s = torch.where(d == 0, torch.ones_like(d), d)
    h = torch.where(mx == r, ((g - b) / s) % 6, torch.where(mx == g, (b - r) / s + 2, (r - g) / s + 4)) * 60
    return torch.where(d == 0, torch.zeros_like(h), h), d / mx.clamp(min=1e-6), mx


def rgb_of(h, s, v):
    k = (torch.stack([h / 60 + 5, h / 60 + 3, h / 60 + 1], 1)) % 6
    return v[:, None] - (v * s)[:, None] * torch.minimum(k, 4 - k).clamp(0, 1)


class Renderer:
    def __init__(self, rows, images, device="cpu"):
        self.device = torch.device(device)
        n = len(rows)
        self.full = torch.from_numpy(images).to(self.device)                       # [N,256,256,4] uint8
        self.half = torch.empty((n, 128, 128, 4), dtype=torch.uint8, device=self.device)
        for i in range(0, n, 256):                                                 # premultiplied average
            a = self.full[i:i + 256].float()
            al = a[..., 3:] / 255
            p = F.avg_pool2d(torch.cat([a[..., :3] * al, al], -1).permute(0, 3, 1, 2), 2)
            c = torch.cat([p[:, :3] / p[:, 3:].clamp(min=1 / 512), p[:, 3:] * 255], 1)
            self.half[i:i + 256] = c.round().clamp(0, 255).byte().permute(0, 2, 3, 1)
        f = lambda v: torch.tensor(v, dtype=torch.float32, device=self.device)
        self.box = f([r["box"] for r in rows]) / 128                               # in 0..1
        self.hue = f([r.get("hue", [0, 1, 1]) for r in rows])
        self.tintable = torch.tensor([r["tint"] for r in rows], device=self.device)
        self.target = f([E.TARGET.get(c, (0, 0, 0)) for c in COLORS])
        self.tint = f([E.TINT.get(c, (0, 0, 0)) for c in COLORS]) / 255
        y, x = torch.meshgrid(torch.arange(SIZE), torch.arange(SIZE), indexing="ij")
        self.x, self.y = x.to(self.device).float() / SIZE, y.to(self.device).float() / SIZE

    def background(self, rec):
        kind, ph = rec[:, 0, None, None], rec[:, 7, None, None]
        a, b = rec[:, 1:4, None, None] / 255, rec[:, 4:7, None, None] / 255
        x, y = self.x[None], self.y[None]
        striped = (((x + torch.where(ph > .5, y, torch.zeros_like(y))) * 6 + ph) % 1 > .5).float()
        checks = ((x * 8).floor() + (y * 8).floor()) % 2
        dots = ((((x * 6 + ph) % 1 - .5) ** 2 + ((y * 6 + ph) % 1 - .5) ** 2) < .065).float()
        t = torch.where(kind == 1, y, torch.where(kind == 2, striped, torch.where(kind == 3, checks.expand_as(striped), dots)))
        return a + (b - a) * torch.where(kind == 0, torch.zeros_like(t), t)[:, None]

    def recolor(self, rgb, who, color):
        """Moves the one dominant hue of a drawing to a colour word; greys stay. rgb [b,3,h,w] in 0..1"""
        hue, target = self.hue[who][:, :, None, None], self.target[color][:, :, None, None]
        h, s, v = hsv(rgb)
        w = ((s - .10) / .15).clamp(0, 1)
        dh = (h - hue[:, 0] + 180) % 360 - 180
        h2 = (target[:, 0] + dh * .4) % 360
        s2 = (s * (target[:, 1] / hue[:, 1]).clamp(.5, 1.6)).clamp(0, 1)
        hv, tv = hue[:, 2].clamp(max=.985), target[:, 2]
        v2 = torch.where(tv < hv, v * (tv / hv), v.clamp(min=1e-6) ** (tv.log() / hv.log()).clamp(.3, 1))
        return (rgb + (rgb_of(h2, s2, v2) - rgb) * w[:, None]).clamp(0, 1)

    def paste(self, canvas, obj):
        """canvas [b,3,S,S] in 0..1, obj [b,OBJ]; drawn in place"""
        who, color = obj[:, 0].long(), obj[:, 4].long()
        box = self.box[who]
        k = obj[:, 3] / (box[:, 2:] - box[:, :2]).max(1).values            # picture's side over the drawing's
        for level, pick in ((self.full, k >= .62), (self.half, k < .62)):
            at = pick.nonzero()[:, 0]
            if not len(at):
                continue
            p = level[who[at]].permute(0, 3, 1, 2).float() / 255
            rgb, al = p[:, :3], p[:, 3:]
            c, w = color[at], who[at]
            ink = self.tintable[w] & (c >= 0)
            rgb = torch.where(ink[:, None, None, None], self.tint[c.clamp(min=0)][:, :, None, None], rgb)
            hued = ((c >= 0) & ~self.tintable[w]).nonzero()[:, 0]
            if len(hued):
                rgb = rgb.clone()
                rgb[hued] = self.recolor(rgb[hued], w[hued], c[hued])
            o, b, inv = obj[at], box[at], 1 / k[at]
            u, v = self.x[0] + .5 / SIZE, self.y[:, 0] + .5 / SIZE           # cell centres
            sx = ((u[None] - o[:, 1:2]) * inv[:, None] + (b[:, 0:1] + b[:, 2:3]) / 2) * 2 - 1
            sy = ((v[None] - o[:, 2:3]) * inv[:, None] + (b[:, 1:2] + b[:, 3:4]) / 2) * 2 - 1
            grid = torch.stack([sx[:, None].expand(-1, SIZE, -1), sy[:, :, None].expand(-1, -1, SIZE)], -1)
            q = F.grid_sample(torch.cat([rgb * al, al], 1), grid, mode="bilinear", padding_mode="zeros", align_corners=False)
            canvas[at] = canvas[at] * (1 - q[:, 3:]) + q[:, :3]

    @torch.no_grad()
    def __call__(self, records):
        """float32 [n, RECORD] -> [n,3,256,256] in -1..1"""
        rec = torch.as_tensor(records, device=self.device)
        canvas = self.background(rec)
        for slot in range(4):
            obj = rec[:, 8 + slot * OBJ:8 + (slot + 1) * OBJ]
            at = (obj[:, 0] >= 0).nonzero()[:, 0]
            if len(at) == len(rec):
                self.paste(canvas, obj)
            elif len(at):
                part = canvas[at]
                self.paste(part, obj[at])
                canvas[at] = part
        return canvas * 2 - 1


if __name__ == "__main__":
    import json
    import sys
    import time
    from PIL import Image
    rows, images = E.load(sys.argv[1])
    c = Composer(rows, json.load(open("heldout.json")))
    rng = random.Random(1)
    t = time.time()
    scenes = [c.sample(rng) for _ in range(2000)]
    print(f"{(time.time() - t) / 2:.2f} ms a scene; {len(c.pool)} drawings")
    r = Renderer(rows, images)
    t = time.time()
    x = r(pack(scenes[:40]))
    print(f"{(time.time() - t) / 40 * 1000:.1f} ms a picture", x.shape, x.min(), x.max())
    sheet = (x.reshape(5, 8, 3, 256, 256).permute(0, 3, 1, 4, 2).reshape(5 * 256, 8 * 256, 3) * 127.5 + 127.5).byte().numpy()
    Image.fromarray(sheet).save(sys.argv[2])
    print("\n".join(s["caption"] for s in scenes[:40]))
