#!/usr/bin/python3
"""Renders the drawings the starter model is trained on: about 8,500 RGBA pictures in six styles.

Inputs: the npm packages in PACKAGES (exact versions) and the Debian packages
python3-numpy python3-pil python3-fonttools librsvg2-bin. Nothing else. Only drawings under MIT, Apache-2.0 and
OFL-1.1 are taken, so that the model needs no CC BY attribution.

  /usr/bin/python3 build_dataset.py --out data [--stage install|index|render|pack|all]

Stages: install (npm, --ignore-scripts) -> index (which image is which emoji, and captions) -> render (256 px RGBA
PNG cache) -> pack (drawings.webps: 256 px WebP blobs end to end, colour lossy, alpha exact; captions.jsonl).
"""
import argparse, collections, glob, io, json, multiprocessing, os, re, subprocess, sys, unicodedata

PACKAGES = {  # npm name: version
    "@lobehub/fluent-emoji-3d": "1.1.0",
    "@lobehub/fluent-emoji-flat": "1.1.0",
    "@iconify-json/fluent-emoji-high-contrast": "1.2.6",
    "@iconify-json/noto": "1.2.9",
    "@iconify-json/noto-v1": "1.2.5",
    "@fontsource/noto-emoji": "5.3.2",
    "emojibase-data": "17.0.0",
}
# key -> (package, licence, copyright / attribution line)
SOURCES = {
    "fluent-3d":    ("@lobehub/fluent-emoji-3d", "MIT"),
    "fluent-flat":  ("@lobehub/fluent-emoji-flat", "MIT"),
    "fluent-mono":  ("@iconify-json/fluent-emoji-high-contrast", "MIT"),
    "noto":         ("@iconify-json/noto", "Apache-2.0"),
    "noto-v1":      ("@iconify-json/noto-v1", "Apache-2.0"),
    "noto-line":    ("@fontsource/noto-emoji", "OFL-1.1"),
}
TINTABLE = {"fluent-mono", "noto-line"}       # pure black shapes: any colour may be put in
SKIN = {"1f3fb", "1f3fc", "1f3fd", "1f3fe", "1f3ff"}


# ---------------------------------------------------------------- index
def norm(hexcode):
    """1F469-200D-2764-FE0F -> 1f469-200d-2764 (variation selectors dropped, lower case)."""
    parts = [p.lstrip("0").lower() or "0" for p in hexcode.replace("_", "-").split("-")]
    return "-".join(p for p in parts if p not in ("fe0f", "fe0e"))


def slug(text):
    text = unicodedata.normalize("NFKD", text.lower())
    text = "".join(c for c in text if not unicodedata.combining(c))
    text = text.replace("’", "").replace("'", "").replace("“", "").replace("”", "")
    return re.sub(r"[^a-z0-9]+", "-", text).strip("-")


def load(nm, *path):
    with open(os.path.join(nm, *path), encoding="utf-8") as f:
        return json.load(f)


class Names:
    """emojibase entries, and every name by which a package may call one."""

    def __init__(self, nm):
        data = load(nm, "emojibase-data", "en", "data.json")
        meta = load(nm, "emojibase-data", "meta", "groups.json")
        self.entry, self.by_slug = {}, {}
        for e in data:
            if "group" not in e:                    # regional indicators
                continue
            h = norm(e["hexcode"])
            self.entry[h] = dict(hex=h, name=e["label"], keywords=e.get("tags", []),
                                 group=meta["groups"][str(e["group"])],
                                 subgroup=meta["subgroups"][str(e["subgroup"])],
                                 version=e.get("version"))
        for h, e in self.entry.items():
            self.by_slug.setdefault(slug(e["name"]), h)
        for p in sorted(glob.glob(os.path.join(nm, "emojibase-data/en/shortcodes/*.json"))):
            with open(p, encoding="utf-8") as f:
                for h, codes in json.load(f).items():
                    h = norm(h)
                    for c in ([codes] if isinstance(codes, str) else codes):
                        if h in self.entry:
                            self.by_slug.setdefault(slug(c), h)
        for pack in ("noto",):
            chars = load(nm, "@iconify-json", pack, "chars.json")
            byname = {}
            for h, n in chars.items():
                if norm(h) in self.entry:
                    byname[n] = norm(h)
                    self.by_slug.setdefault(n, norm(h))
            for a, v in load(nm, "@iconify-json", pack, "icons.json").get("aliases", {}).items():
                if v["parent"] in byname and not ({"hFlip", "vFlip", "rotate"} & set(v)):
                    self.by_slug.setdefault(a, byname[v["parent"]])
        for h in self.entry:                        # official Unicode names: AUBERGINE, ...
            if "-" not in h:
                n = unicodedata.name(chr(int(h, 16)), "")
                if n:
                    self.by_slug.setdefault(slug(n), h)
        self.by_squash = {}
        for s, h in self.by_slug.items():
            self.by_squash.setdefault(s.replace("-", ""), h)


DIRECTION = re.compile(r"-200d-27a1$")


def wanted(e):
    """None if the emoji is to be left out, else its tier."""
    h, g, s = e["hex"], e["group"], e["subgroup"]
    parts = h.split("-")
    if SKIN & set(parts) or s in ("country-flag", "subdivision-flag", "skin-tone", "keycap", "alphanum"):
        return None
    if DIRECTION.search(h) or (e["name"].startswith("family:")):
        return None
    if s == "time" and ("o’clock" in e["name"] or "-thirty" in e["name"]) and e["name"] != "three o’clock":
        return None                                  # 24 near-identical clock faces: one kept
    if g == "smileys-emotion":
        return "face"
    if g == "people-body" or g == "component":
        return "people"
    if g == "symbols" or g == "flags":
        return "symbol"
    return "object"


def iconify_svg(d, name):
    i = d["icons"][name]
    w, h = i.get("width", d.get("width", 16)), i.get("height", d.get("height", 16))
    l, t = i.get("left", d.get("left", 0)), i.get("top", d.get("top", 0))
    return ('<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
            f'viewBox="{l} {t} {w} {h}">{i["body"]}</svg>')


def build_index(nm, verbose=True):
    """-> list of dicts with style, hex (or slug), name, ..., src (where the picture is)."""
    names, rows, unmatched = Names(nm), [], {}

    def add(style, h, src, icon=None):
        e = names.entry.get(h)
        if e is None:
            return False
        tier = wanted(e)
        if tier:
            rows.append(dict(style=style, tier=tier, src=src, icon=icon, **e))
        return True

    for style, pack, ext in (("fluent-3d", "fluent-emoji-3d", "webp"),
                             ("fluent-flat", "fluent-emoji-flat", "svg")):
        for p in sorted(glob.glob(os.path.join(nm, "@lobehub", pack, "assets", "*." + ext))):
            h = norm(os.path.basename(p)[:-len(ext) - 1])
            if not add(style, h, p) and not SKIN & set(h.split("-")):
                unmatched.setdefault(style, []).append(h)

    for style, pack in (("fluent-mono", "fluent-emoji-high-contrast"), ("noto", "noto")):
        for h, n in sorted(load(nm, "@iconify-json", pack, "chars.json").items()):
            if not add(style, norm(h), f"iconify:{pack}", n) and not SKIN & set(h.split("-")):
                unmatched.setdefault(style, []).append(n)

    d = load(nm, "@iconify-json", "noto-v1", "icons.json")
    for n in sorted(d["icons"]):
        h = names.by_slug.get(n) or names.by_squash.get(n.replace("-", ""))
        if h is None or not add("noto-v1", h, "iconify:noto-v1", n):
            if "skin-tone" not in n:
                unmatched.setdefault("noto-v1", []).append(n)

    from fontTools.ttLib import TTFont
    font = os.path.join(nm, "@fontsource/noto-emoji/files/noto-emoji-emoji-500-normal.woff")
    for cp in sorted(TTFont(font).getBestCmap()):
        add("noto-line", "%x" % cp, "font:" + font, "%x" % cp)

    out, seen = [], set()                            # one picture per (style, emoji)
    for r in rows:
        if (r["style"], r["hex"]) not in seen:
            seen.add((r["style"], r["hex"]))
            r["id"] = f'{r["style"]}/{r["hex"]}'
            out.append(r)
    if verbose:
        for s, u in unmatched.items():
            print(f"unmatched {s}: {len(u)}:", " ".join(u[:400]), file=sys.stderr)
    return out


def install(out):
    npm = os.path.join(out, "npm")
    os.makedirs(npm, exist_ok=True)
    with open(os.path.join(npm, "package.json"), "w") as f:
        json.dump(dict(name="emoji-data", private=True, dependencies=PACKAGES), f, indent=1)
    subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=npm, check=True)
    return os.path.join(npm, "node_modules")


# ---------------------------------------------------------------- render
MASTER = 256
_icons, _fonts = {}, {}


def svg_png(svg):
    return subprocess.run(["rsvg-convert", "-w", str(MASTER), "-h", str(MASTER), "--keep-aspect-ratio"],
                          input=svg, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True).stdout


def glyph_svg(font_path, cp):
    """One glyph of the line-art font as an SVG (ZWJ sequences are not drawn)."""
    from fontTools.pens.svgPathPen import SVGPathPen
    from fontTools.pens.boundsPen import BoundsPen
    from fontTools.ttLib import TTFont
    if font_path not in _fonts:
        f = TTFont(font_path)
        _fonts[font_path] = (f, f.getGlyphSet(), f.getBestCmap())
    f, gs, cmap = _fonts[font_path]
    g, pen, box = gs[cmap[cp]], SVGPathPen(gs), BoundsPen(gs)
    g.draw(pen)
    g.draw(box)
    if not box.bounds:
        return None
    x0, y0, x1, y1 = box.bounds
    side = max(x1 - x0, y1 - y0) * 1.06
    cx, cy = (x0 + x1) / 2, (y0 + y1) / 2
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{cx - side / 2} {-cy - side / 2} {side} {side}">'
            f'<path transform="scale(1,-1)" d="{pen.getCommands()}"/></svg>').encode()


def render(job):
    """Draws one row into the cache; returns (id, problem or None)."""
    from PIL import Image
    nm, r, dest = job
    if os.path.exists(dest):
        return r["id"], None
    try:
        src = r["src"]
        if src.endswith(".webp"):
            with open(src, "rb") as f:
                im = Image.open(io.BytesIO(f.read())).convert("RGBA")
        elif src.startswith("font:"):
            svg = glyph_svg(src[5:], int(r["icon"], 16))
            if svg is None:
                return r["id"], "empty glyph"
            im = Image.open(io.BytesIO(svg_png(svg))).convert("RGBA")
        else:
            if src.startswith("iconify:"):
                if src not in _icons:
                    _icons[src] = load(nm, "@iconify-json", src[8:], "icons.json")
                svg = iconify_svg(_icons[src], r["icon"]).replace("currentColor", "#000")
                svg = svg.encode()
            else:
                with open(src, "rb") as f:
                    svg = f.read()
            im = Image.open(io.BytesIO(svg_png(svg))).convert("RGBA")
        if im.size != (MASTER, MASTER):             # keep the aspect, centre on a square
            k = MASTER / max(im.size)
            im = im.resize((round(im.width * k), round(im.height * k)), Image.LANCZOS)
            c = Image.new("RGBA", (MASTER, MASTER))
            c.paste(im, ((MASTER - im.width) // 2, (MASTER - im.height) // 2))
            im = c
        os.makedirs(os.path.dirname(dest), exist_ok=True)
        im.save(dest + ".tmp", "PNG", compress_level=1)
        os.replace(dest + ".tmp", dest)
        return r["id"], None
    except Exception as e:                          # noqa: BLE001 - reported and left out
        return r["id"], f"{type(e).__name__}: {str(e)[:200]}"


def cache_path(out, r):
    return os.path.join(out, "cache", r["id"] + ".png")


def render_all(out, nm, rows):
    with multiprocessing.Pool() as pool:
        bad = {}
        for n, (i, p) in enumerate(pool.imap_unordered(
                render, [(nm, r, cache_path(out, r)) for r in rows], chunksize=16)):
            if p:
                bad[i] = p
            if n % 2000 == 1999:
                print(n + 1, "rendered", file=sys.stderr, flush=True)
    for i, p in sorted(bad.items()):
        print("not rendered:", i, p, file=sys.stderr)
    return [r for r in rows if r["id"] not in bad]


# ---------------------------------------------------------------- attributes measured from pixels
NAME_FIX = {"1st place medal": "first place medal", "2nd place medal": "second place medal",
            "3rd place medal": "third place medal", "three o’clock": "clock face", "tennis": "tennis ball",
            "OK hand": "ok hand", "ZZZ": "zzz", "Mrs. Claus": "mrs claus",
            "locked": "closed padlock", "unlocked": "open padlock", "locked with pen": "padlock with pen",
            "locked with key": "padlock with key", "cooking": "frying pan with egg", "camping": "camping tent"}


def clean(name, fix=NAME_FIX):
    """The CLDR short name as it would be typed: lower case, ASCII, 'man: beard' -> 'man with beard'."""
    name = fix.get(name, name)
    name = re.sub(r"^([^:]+): (.+)$", r"\1 with \2", name)
    name = name.replace("’", "'").replace("“", "").replace("”", "").replace("!", "")
    name = unicodedata.normalize("NFKD", name.lower())
    return "".join(c for c in name if not unicodedata.combining(c)).replace(".", "").strip()


def keywords(r):
    return [k for k in (clean(k, {}) for k in r["keywords"]) if k not in (clean(r["name"]), clean(r["name"], {}))]


COLORS = ["black", "white", "gray", "red", "orange", "yellow", "green", "blue", "purple", "pink", "brown"]


def hsv(rgb):
    """float arrays [...,3] in 0..1 -> h in degrees, s, v"""
    import numpy as np
    mx, mn = rgb.max(-1), rgb.min(-1)
    d = mx - mn
    r, g, bl = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    safe = np.where(d == 0, 1, d)
    h = np.where(mx == r, ((g - bl) / safe) % 6, np.where(mx == g, (bl - r) / safe + 2, (r - g) / safe + 4)) * 60
    return np.where(d == 0, 0, h), np.where(mx == 0, 0, d / np.where(mx == 0, 1, mx)), mx


def color_index(rgb):
    """Basic colour word of each pixel, as an index into COLORS."""
    import numpy as np
    h, s, v = hsv(rgb)
    k = np.full(h.shape, 2)
    chroma = s * v
    grey = (s < 0.16) | (chroma < 0.09)
    k = np.where(grey & (v > 0.84), 1, k)
    k = np.where(v < 0.2, 0, k)
    hue = np.select([h < 16, h < 41, h < 67, h < 170, h < 253, h < 290, h < 345], [3, 4, 5, 6, 7, 8, 9], 3)
    warm = (h >= 10) & (h < 45)
    hue = np.where(warm & (v < 0.66), 10, hue)                       # dark orange is brown
    hue = np.where(((h >= 345) | (h < 16)) & (v < 0.45) & (s < 0.75), 10, hue)
    hue = np.where(((h >= 335) | (h < 12)) & (s < 0.5) & (v > 0.75), 9, hue)   # pale red is pink
    return np.where(grey | (v < 0.2), k, hue)


def measure(a):
    """a: uint8 [n,n,4]. Alpha box, coverage, corner alpha, dominant colours, and the hue if recolouring works."""
    import numpy as np
    al = a[..., 3].astype(np.float32) / 255
    n = a.shape[0]
    ys, xs = np.where(al > 0.1)
    box = [int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1] if len(xs) else [0, 0, n, n]
    q = n // 10
    corner = float(np.mean([al[:q, :q].mean(), al[:q, -q:].mean(), al[-q:, :q].mean(), al[-q:, -q:].mean()]))
    m = al > 0.5
    out = dict(box=box, cov=round(float(al.mean()), 3), corner=round(corner, 3))
    if not m.any():
        return out
    px = a[m][:, :3].astype(np.float32) / 255
    frac = np.bincount(color_index(px), minlength=len(COLORS)) / len(px)
    top = np.argsort(-frac)
    out["colors"] = [[COLORS[i], round(float(frac[i]), 2)] for i in top[:3] if frac[i] >= 0.08]
    h, s, v = hsv(px)
    c = (s > 0.25) & (v > 0.2)
    if c.mean() > 0.5:
        z = (np.exp(1j * np.radians(h[c])) * s[c]).sum()
        hm = float(np.degrees(np.angle(z)) % 360)
        dist = np.abs((h[c] - hm + 180) % 360 - 180)
        if (dist < 24).mean() > 0.87:
            out["hue"] = [round(hm, 1), round(float(np.median(s[c])), 3), round(float(np.median(v[c])), 3)]
    return out


# ---------------------------------------------------------------- pack
def shrink(path, n):
    """Area-average in premultiplied alpha; colour of invisible pixels set to 0."""
    import numpy as np
    from PIL import Image
    im = Image.open(path).convert("RGBa").resize((n, n), Image.BOX).convert("RGBA")
    a = np.array(im)
    a[a[..., 3] == 0] = 0
    return a


def pack_one(job):
    from PIL import Image
    path, quality = job
    m = measure(shrink(path, 128))
    a = shrink(path, MASTER)
    f = io.BytesIO()
    Image.fromarray(a).save(f, "WEBP", quality=quality, alpha_quality=100, method=4)
    return f.getvalue(), m


def pack(out, rows, quality):
    with multiprocessing.Pool() as pool, open(os.path.join(out, "drawings.webps"), "wb") as blobs, \
            open(os.path.join(out, "captions.jsonl"), "w", encoding="utf-8") as text:
        res = pool.imap(pack_one, [(cache_path(out, r), quality) for r in rows], chunksize=16)
        for i, (r, (blob, m)) in enumerate(zip(rows, res)):
            e = dict(i=i, id=r["id"], name=clean(r["name"]), cldr=r["name"], keywords=keywords(r),
                     style=r["style"], license=SOURCES[r["style"]][1], tier=r["tier"], group=r["group"],
                     subgroup=r["subgroup"], hex=r["hex"], tint=r["style"] in TINTABLE, **m,
                     at=[blobs.tell(), len(blob)])
            blobs.write(blob)
            text.write(json.dumps(e, ensure_ascii=False, separators=(",", ":")) + "\n")


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--out", default="data")
    ap.add_argument("--stage", default="all", choices=["install", "index", "render", "pack", "all"])
    ap.add_argument("--quality", type=int, default=88, help="WebP quality of the colours (default %(default)s)")
    ap.add_argument("--no-twins", action="store_true",
                    help="leave out people drawn as joined sequences (gender twins, professions): fewer, clearer words")
    o = ap.parse_args()
    nm = os.path.join(o.out, "npm", "node_modules")
    if o.stage in ("install", "all"):
        install(o.out)
        if o.stage == "install":
            return
    rows = [r for r in build_index(nm) if not (o.no_twins and r["tier"] == "people" and "-200d-" in r["hex"])]
    print(len(rows), "pictures", collections.Counter(r["style"] for r in rows), file=sys.stderr)
    if o.stage == "index":
        return
    rows = render_all(o.out, nm, rows)
    if o.stage != "render":
        pack(o.out, rows, o.quality)


if __name__ == "__main__":
    main()
