"""Does a picture show what its prompt says? Automatic measures, on seen and held-out combinations.

  python3 evaluate.py prompts --data data --to prompts.json           # what to draw
  python3 evaluate.py references --data data --to references.npz      # the drawings to compare with
  python3 evaluate.py service --url http://127.0.0.1:5080 --pictures shots --prompts prompts.json [--group G] [--limit N]
  python3 evaluate.py measure --pictures shots (or pictures.npy) --prompts prompts.json --references references.npz
  python3 evaluate.py sheet --data data --pictures shots --prompts prompts.json --references references.npz --to sheet.png
  python3 evaluate.py sweep --out out --prompts prompts.json --references references.npz    # on a GPU, from checkpoints

Measures: background word (nearest of 15, chance 7%), foreground colour word, place (centre of the foreground within
.1 of the picture's side), size (its longer side within .12), object retrieval among all objects of the same style
(24x24 Lab signature; R@1, R@5, and `distance` to the right drawing, lower is better). Pairs are split at the middle and each half retrieved. `real` scenes drawn from the
data itself give the ceiling of each measure.
"""
import argparse
import collections
import json
import multiprocessing
import os
import random
import sys
import time
import urllib.request

import numpy as np
from PIL import Image

import build_dataset as B
import emojidata as E


def plan(rows, held, seed=11):
    """-> list of dict(prompt, seed, group, objects=[[row, x, y, scale]], bg, color)"""
    from compose import Composer, describe, prompt_scene, PAIR
    rng = random.Random(seed)
    c = Composer(rows, held)
    by = collections.defaultdict(dict)
    for r in rows:
        by[r["hex"]][r["style"]] = r
    styles = list(E.STYLE_WORDS)
    objects = {s: [r for r in c.pool if r["style"] == s and r["tier"] == "object"] for s in styles}
    out = []

    def add(group, scene, color=None):
        out.append(dict(prompt=scene["caption"], seed=len(out), group=group, style=scene["style"], bg=scene["bg"][1][0],
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
    for _ in range(60):
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
    return out


def small(a):
    return np.asarray(Image.fromarray(a).resize((128, 128), Image.BOX))


def references(rows, images):
    """Signature of every object in every style, on a background it stands out from."""
    from compose import Composer, Renderer, pack, prompt_scene
    c, render = Composer(rows), Renderer(rows, images)
    rs = [r for r in rows if r["tier"] == "object"]
    sig = []
    for i in range(0, len(rs), 64):
        part = [prompt_scene(c, r, "light blue" if r["tint"] else "white") for r in rs[i:i + 64]]
        x = render(pack(part)).mul(127.5).add(127.5).round().clamp(0, 255).byte().permute(0, 2, 3, 1).numpy()
        sig += [E.signature(small(a)).astype(np.float16) for a in x]
    return dict(signature=np.stack(sig), row=np.array([r["i"] for r in rs]), style=np.array([r["style"] for r in rs]))


_refs = {}


def start(path):
    z = np.load(path)
    for s in set(z["style"].tolist()):
        m = z["style"] == s
        _refs[s] = (z["row"][m], z["signature"][m].astype(np.float32))


def rank(img, row, style):
    """-> place of the right object among the style's objects (0 is best), the nearest object's row, distance to the right one"""
    who, M = _refs[style]
    at = np.where(who == row)[0]
    if not len(at):
        return None, None, None
    d = ((M - E.signature(img)) ** 2).mean(1)
    return int((d < d[at[0]]).sum()), int(who[d.argmin()]), float(d[at[0]] ** .5)


def judge(job):
    img, p = job
    a = small(img)
    out = dict(background=E.measure_background(a)[0] == p["bg"])
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


def report(results, prompts):
    groups = collections.defaultdict(list)
    for r, p in zip(results, prompts):
        groups[p["group"]].append(r)
        if len(p["objects"]) == 1 and p["group"] == "seen":
            groups["seen: " + p["style"]].append(r)
    table = {}
    for g, rs in groups.items():
        keys = ["background", "color", "place", "size", "r1", "r5", "distance"]
        table[g] = dict(n=len(rs), **{k: round(float(np.mean([r[k] for r in rs if k in r])), 3)
                                      for k in keys if any(k in r for r in rs)})
    return table


def show(table):
    keys = ["n", "background", "color", "place", "size", "r1", "r5", "distance"]
    print(f"{'group':24}" + "".join(f"{k:>11}" for k in keys))
    for g, v in table.items():
        print(f"{g:24}" + "".join(f"{v.get(k, ''):>11}" for k in keys), flush=True)


def read(path, prompts):
    """pictures.npy in the order of the prompts, or a folder of <seed>.png -> pictures and their prompts"""
    if path.endswith(".npy"):
        return list(np.load(path)), prompts
    have = [p for p in prompts if os.path.exists(os.path.join(path, f"{p['seed']}.png"))]
    return [np.asarray(Image.open(os.path.join(path, f"{p['seed']}.png")).convert("RGB")) for p in have], have


def service(o, prompts):
    """Draws through a running service, with the model's own defaults or one of --settings."""
    more = {"model": o.model} if o.model else {}
    if o.settings:
        g, r, n, name = o.settings[0].split(",")
        more.update(guidance_scale=float(g), guidance_rescale=float(r), num_inference_steps=int(n), scheduler=name)
    os.makedirs(o.pictures, exist_ok=True)
    times = []
    for p in prompts:
        path = os.path.join(o.pictures, f"{p['seed']}.png")
        if os.path.exists(path):
            continue
        t = time.time()
        body = json.dumps(dict(prompt=p["prompt"], seed=p["seed"], **more)).encode()
        req = urllib.request.Request(o.url + "/v1/jobs", body, {"Content-Type": "application/json", "Prefer": "wait=60"})
        job = json.load(urllib.request.urlopen(req, timeout=90))
        while job["status"] in ("queued", "running"):
            time.sleep(.2)
            job = json.load(urllib.request.urlopen(f"{o.url}/v1/jobs/{job['id']}", timeout=90))
        if job["status"] != "succeeded":
            sys.exit(f"{p['prompt']}: {job.get('error')}")
        url = job["images"][0]["url"]
        data = urllib.request.urlopen(url if url.startswith("http") else o.url + url, timeout=90).read()
        with open(path, "wb") as f:
            f.write(data)
        times.append(time.time() - t)
    if times:
        print(f"{len(times)} pictures, {np.mean(times):.2f} s each, slowest {max(times):.2f} s")


def memory_sheet(o, prompts):
    """Pictures, and under each the training drawing nearest to it: is it that drawing again?"""
    from compose import Composer, Renderer, pack, prompt_scene
    from sample import sheet
    pictures, prompts = read(o.pictures, prompts)
    rows, images = E.load(o.data)
    c = Composer(rows, json.load(open(o.heldout)))
    render, seen, out = Renderer(rows, images), {r["i"] for r in c.pool}, []
    for s, (who, M) in _refs.items():                      # held-out drawings were never trained on
        keep = [k for k, i in enumerate(who) if int(i) in seen]
        _refs[s] = who[keep], M[keep]
    half = o.columns
    for i in range(0, len(pictures), half):
        part, near = pictures[i:i + half], []
        for img, p in zip(part, prompts[i:i + half]):
            who, M = _refs[p["style"]]
            near.append(prompt_scene(c, rows[int(who[((M - E.signature(small(img))) ** 2).sum(1).argmin()])]))
        x = render(pack(near)).mul(127.5).add(127.5).round().clamp(0, 255).byte().permute(0, 2, 3, 1).numpy()
        out += [small(a) for a in part] + [small(a) for a in x]
    Image.fromarray(sheet(np.stack(out), half)).save(o.to)
    for p in prompts:
        print(p["group"], "|", p["prompt"])


def sweep(o, prompts, pool):
    """Guidance, rescale, steps and sampler, one change at a time, from checkpoints on a GPU."""
    from sample import Model
    model = Model(o.out, o.tokenizer)
    results = {}
    for g, r, n, s in [tuple(x.split(",")) for x in o.settings or ["4,.7,20,dpmpp_2m"]]:
        t = time.time()
        x = model.draw([p["prompt"] for p in prompts], [p["seed"] for p in prompts], int(n), float(g), float(r), s)
        drawn = time.time() - t
        table = report(pool.map(judge, zip(x, prompts), chunksize=8), prompts)
        results[f"{g},{r},{n},{s}"] = table
        print(f"== guidance {g} rescale {r} steps {n} {s}: {drawn:.0f} s, measured {time.time() - t - drawn:.0f} s", flush=True)
        show(table)
        if o.to:
            with open(o.to, "w") as f:
                json.dump(results, f, indent=1)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("do", choices=["prompts", "references", "real", "service", "measure", "sheet", "sweep"])
    ap.add_argument("--data", default="data")
    ap.add_argument("--heldout", default="heldout.json")
    ap.add_argument("--prompts", default="prompts.json")
    ap.add_argument("--references", default="references.npz")
    ap.add_argument("--pictures", default="shots")
    ap.add_argument("--url", default="http://127.0.0.1:5080")
    ap.add_argument("--model")
    ap.add_argument("--group")
    ap.add_argument("--limit", type=int)
    ap.add_argument("--every", type=int, default=1)
    ap.add_argument("--out", default="out")
    ap.add_argument("--tokenizer")
    ap.add_argument("--settings", nargs="*", help="guidance,rescale,steps,scheduler ...")
    ap.add_argument("--columns", type=int, default=8)
    ap.add_argument("--to")
    o = ap.parse_args()
    if o.do == "prompts":
        rows, _ = E.load(o.data, images=False)
        p = plan(rows, json.load(open(o.heldout)))
        with open(o.to or o.prompts, "w") as f:
            json.dump(p, f, separators=(",", ":"))
        print(collections.Counter(x["group"] for x in p))
        return
    if o.do == "references":
        rows, images = E.load(o.data)
        np.savez_compressed(o.to or o.references, **references(rows, images))
        return
    with open(o.prompts) as f:
        prompts = [p for p in json.load(f) if not o.group or p["group"] == o.group][::o.every][:o.limit]
    if o.do == "service":
        service(o, prompts)
        return
    if o.do == "sheet":
        start(o.references)
        memory_sheet(o, prompts)
        return
    with multiprocessing.get_context("fork").Pool(min(24, os.cpu_count()), start, (o.references,)) as pool:
        if o.do == "sweep":
            sweep(o, prompts, pool)
            return
        if o.do == "real":
            from compose import Renderer, pack
            rows, images = E.load(o.data)
            render = Renderer(rows, images)
            pictures = [a for i in range(0, len(prompts), 64) for a in render(pack([p["scene"] for p in prompts[i:i + 64]]))
                        .mul(127.5).add(127.5).round().clamp(0, 255).byte().permute(0, 2, 3, 1).numpy()]
        else:
            pictures, prompts = read(o.pictures, prompts)
        table = report(pool.map(judge, zip(pictures, prompts), chunksize=8), prompts)
    show(table)
    if o.to:
        with open(o.to, "w") as f:
            json.dump(table, f, indent=1)


if __name__ == "__main__":
    main()
