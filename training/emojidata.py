"""The drawings, the words that describe scenes made of them, and automatic measures on a finished picture.

  rows, images = load("data")           # list of dicts, uint8 [N,256,256,4] (RGBA, not premultiplied)
  word, rgb, spread = measure_background(picture)
"""
import io, json, os, re
from multiprocessing.pool import ThreadPool

import numpy as np
from PIL import Image, ImageFilter


def load(folder, images=True, threads=None):
    with open(os.path.join(folder, "captions.jsonl"), encoding="utf-8") as f:
        rows = [json.loads(line) for line in f]
    if not images:
        return rows, None
    with open(os.path.join(folder, "drawings.webps"), "rb") as f:
        blob = f.read()
    out = np.zeros((len(rows), 256, 256, 4), np.uint8)

    def one(i):
        o, n = rows[i]["at"]
        out[i] = np.asarray(Image.open(io.BytesIO(blob[o:o + n])).convert("RGBA"))
    with ThreadPool(threads or os.cpu_count()) as p:
        p.map(one, range(len(rows)), chunksize=64)
    return rows, out


# ---------------------------------------------------------------- words
STYLE_WORDS = {  # first: the canonical tag
    "fluent-3d": ["3d", "3d render", "glossy 3d"], "fluent-flat": ["flat", "flat design"],
    "fluent-mono": ["icon", "bold icon", "glyph"], "noto": ["cartoon", "noto"],
    "noto-v1": ["retro", "retro noto"], "noto-line": ["line art", "outline drawing"],
}
BG = {"white": (255, 255, 255), "black": (14, 14, 16), "gray": (128, 128, 128), "red": (212, 44, 48),
      "orange": (255, 148, 44), "yellow": (255, 222, 66), "green": (58, 168, 78), "teal": (20, 150, 150),
      "light blue": (140, 208, 250), "blue": (40, 92, 222), "navy": (20, 28, 92), "purple": (128, 60, 190),
      "pink": (255, 150, 192), "brown": (130, 84, 48), "beige": (240, 226, 196)}
# word -> (hue, saturation, value) that the median pixel of a recoloured drawing gets
TARGET = {"red": (2, .80, .86), "orange": (28, .86, .97), "yellow": (50, .80, .98), "green": (125, .66, .66),
          "blue": (216, .78, .86), "purple": (276, .66, .74), "pink": (330, .50, .97), "brown": (24, .62, .50)}
TINT = {k: BG[k] for k in ("black", "white", "red", "orange", "yellow", "green", "blue", "purple", "pink", "brown")}
COLOR_WORDS = set("black white gray red orange yellow green blue purple pink brown".split())
PLACES = {"in the center": (.5, .5), "on the left": (.27, .5), "on the right": (.73, .5), "at the top": (.5, .27),
          "at the bottom": (.5, .73), "in the top left corner": (.27, .27), "in the top right corner": (.73, .27),
          "in the bottom left corner": (.27, .73), "in the bottom right corner": (.73, .73)}
NUMBERS = {2: "two", 3: "three", 4: "four"}
# What people call things -> the name of the drawing. These, and the names in COMMON, are shown twice as often as others.
EVERYDAY = {
    "apple": "red apple", "bag": "handbag", "bee": "honeybee", "beer": "beer mug", "bike": "bicycle", "boat": "sailboat",
    "book": "closed book", "bulb": "light bulb", "bunny": "rabbit", "burger": "hamburger", "cake": "birthday cake",
    "car": "automobile", "cheese": "cheese wedge", "clock": "alarm clock", "coffee": "hot beverage", "computer": "laptop",
    "diamond": "gem stone", "donut": "doughnut", "flower": "blossom", "football": "soccer ball", "fries": "french fries",
    "gift": "wrapped gift", "globe": "globe showing europe-africa", "hat": "top hat", "heart": "red heart", "hen": "chicken",
    "jeep": "sport utility vehicle", "kitten": "cat face", "knife": "kitchen knife", "ladybug": "lady beetle",
    "lightning": "high voltage", "moon": "crescent moon", "phone": "mobile phone", "piano": "musical keyboard",
    "plane": "airplane", "planet": "ringed planet", "present": "wrapped gift", "pumpkin": "jack-o-lantern", "puppy": "dog face",
    "sheep": "ewe", "shirt": "t-shirt", "shoe": "running shoe", "sofa": "couch and lamp", "soup": "steaming bowl",
    "squirrel": "chipmunk", "tea": "teacup without handle", "tree": "deciduous tree", "truck": "delivery truck",
    "tv": "television", "wave": "water wave", "wine": "wine glass"}
COMMON = set("house cat dog fish bird rose tulip sun star cloud lemon banana strawberry bus ship rocket key camera guitar umbrella horse cow "
             "pig bear lion elephant mouse frog snake butterfly duck penguin owl cookie pizza bread egg grapes carrot mushroom cactus "
             "snowman ghost crown castle tent rainbow fire train tractor helicopter anchor robot ladder chair hammer pencil trophy".split())
MASS = set("fog fire rice bread sushi spaghetti jeans scissors bacon butter salt ice money zzz hair sake".split())


def article(name):
    last = re.split(r" (?:with|without|in|of|on|for|to|and|[a-z]{3,}ing) ", name)[0].split(" ")[-1]
    if last in ("men", "women", "people"):
        return name
    if name.split(" ")[0] in ("first", "second", "third", "mrs") or last in MASS:
        return name
    if last.endswith("s") and not last.endswith(("ss", "us", "is")) and last not in ("lens", "swiss", "gas"):
        return name
    return ("an " if name[0] in "aeiou" and not name.startswith(("uni", "one", "eu")) else "a ") + name


def plural(name):
    if name.endswith(("s", "x", "ch", "sh")):
        return name + "es"
    if name.endswith("y") and name[-2] not in "aeiou":
        return name[:-1] + "ies"
    return name + "s"


def countable(name):
    return len(name.split()) <= 2 and name.isascii() and name.replace(" ", "").isalpha() \
        and not name.endswith("s") and name.split()[-1] not in MASS


def strip_color(name):
    """'red apple' -> 'apple'; a name that is only a colour stays."""
    w = [x for x in name.split() if x not in COLOR_WORDS]
    return " ".join(w) if w else name


# ---------------------------------------------------------------- measures on a picture
def lab(rgb):
    c = np.asarray(rgb, np.float32) / 255
    c = np.where(c > .04045, ((c + .055) / 1.055) ** 2.4, c / 12.92)
    m = np.array([[.4124, .3576, .1805], [.2126, .7152, .0722], [.0193, .1192, .9505]], np.float32)
    x = c @ m.T / np.array([.9505, 1, 1.089], np.float32)
    f = np.where(x > .008856, np.cbrt(x), 7.787 * x + 16 / 116)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], -1)


_BGLAB = None


def measure_background(img):
    """Median of the four corner patches -> (colour word, rgb, spread); spread is large if it is not a solid one."""
    global _BGLAB
    if _BGLAB is None:
        _BGLAB = lab(np.array(list(BG.values())))
    q = max(2, img.shape[0] // 16)
    px = np.concatenate([p.reshape(-1, 3) for p in (img[:q, :q], img[:q, -q:], img[-q:, :q], img[-q:, -q:])])
    med = np.median(px, 0)
    d = ((lab(med) - _BGLAB) ** 2).sum(-1)
    return list(BG)[int(d.argmin())], med, float(np.abs(px - med).mean())


def foreground(img, tol=16):
    """Mask of what differs from the corner colour (3x3 smoothed, specks dropped), and its box."""
    _, rgb, _ = measure_background(img)
    sm = np.asarray(Image.fromarray(img).filter(ImageFilter.BoxBlur(1)))
    m = np.sqrt(((lab(sm) - lab(rgb)) ** 2).sum(-1)) > tol
    near = np.asarray(Image.fromarray(m.astype(np.uint8) * 255).filter(ImageFilter.BoxBlur(2)))
    m &= near > 90                                            # at least about 9 of 25 neighbours
    ys, xs = np.where(m)
    if len(xs) < 12:
        return m, None
    x0, x1 = np.quantile(xs, (.002, .998)).astype(int)
    y0, y1 = np.quantile(ys, (.002, .998)).astype(int)
    return m, [int(x0), int(y0), int(x1) + 1, int(y1) + 1]


def signature(img, n=24):
    """Position- and scale-free descriptor for retrieval: the foreground box as n x n Lab on neutral grey + its mask."""
    m, box = foreground(img)
    if box is None:
        return np.zeros(n * n * 4, np.float32)
    L = lab(img).astype(np.float32)
    L[~m] = (60, 0, 0)
    x = np.concatenate([L, m[..., None] * 60.0], -1)[box[1]:box[3], box[0]:box[2]]
    side = max(x.shape[:2])
    pad = np.zeros((side, side, 4), np.float32)
    pad[...] = (60, 0, 0, 0)
    oy, ox = (side - x.shape[0]) // 2, (side - x.shape[1]) // 2
    pad[oy:oy + x.shape[0], ox:ox + x.shape[1]] = x
    ch = [np.asarray(Image.fromarray(np.ascontiguousarray(pad[..., c])).resize((n, n), Image.BOX)) for c in range(4)]
    return np.stack(ch, -1).reshape(-1)
