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
from multiprocessing.pool import ThreadPool
import os
import time
import urllib.request

import numpy as np
from PIL import Image

import build_dataset as B
import emojidata as E
from prompts import IMAGES, plan


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


KEYS = ["background", "color", "place", "size", "object", "style", "all", "r1", "r5", "distance"]
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
        table[g] = dict(n=len(rs), **{k: round(float(np.mean([r[k] for r in rs if k in r])), 3)
                                      for k in KEYS if any(k in r for r in rs)})
    return table


def show(table):
    keys = ["n", *KEYS]
    print(f"{'group':24}" + "".join(f"{k:>11}" for k in keys))
    for g, v in table.items():
        print(f"{g:24}" + "".join(f"{v.get(k, ''):>11}" for k in keys), flush=True)


def judged(o, results, pictures, prompts):
    """The results with what the judge named added, if there is one"""
    if o.judge:
        from judge import Loaded
        rows, _ = E.load(o.data, images=False)
        for r, named in zip(results, Loaded(o.judge)(pictures, prompts, rows)):
            r.update(named)
    return results


def summary(results, prompts):
    """The figures that the model is held to: share right on seen and on held-out combinations"""
    clear = {"fluent-3d", "fluent-flat", "noto"}
    rate = lambda key, *groups, when=lambda p: True: round(float(np.mean(v)), 3) if (
        v := [r[key] for r, p in zip(results, prompts) if p["group"] in groups and key in r and when(p)]) else None
    in_clear = lambda p: p["style"] in clear
    return {
        "background word": (rate("background", "seen"), rate("background", "heldout_background")),
        "object, styles 3d, flat, cartoon": (rate("object", "seen", when=in_clear), rate("object", "heldout_style", when=in_clear)),
        "style": (rate("style", "seen"), rate("style", "heldout_style", "heldout_background", "heldout_pair")),
        "both objects of a pair": (rate("all", "seen_pair"), rate("all", "heldout_pair")),
        "place": (rate("place", "seen", "place", "size"), None),
        "size": (rate("size", "seen", "place", "size"), None)}


def show_summary(table, real):
    print(f"\n{'share right':36}{'seen':>8}{'held out':>10}   of real drawings: seen, held out")
    for k, v in table.items():
        print(f"{k:36}{v[0] if v[0] is not None else '':>8}{v[1] if v[1] is not None else '':>10}   {real[k] if real else ''}")


def read(path, prompts):
    """pictures.npy in the order of the prompts, or a folder of <seed>.png -> pictures and their prompts"""
    if path.endswith(".npy"):
        return list(np.load(path)), prompts
    have = [dict(p, seed=s) for p in prompts for s in range(p["seed"], p["seed"] + IMAGES) if os.path.exists(os.path.join(path, f"{s}.png"))]
    return [np.asarray(Image.open(os.path.join(path, f"{p['seed']}.png")).convert("RGB")) for p in have], have


def service(o, prompts):
    """Draws through a running service, --images a prompt, with the model's own defaults or one of --settings."""
    more = {"model": o.model} if o.model else {}
    if o.settings:
        g, r, n, name = o.settings[0].split(",")
        more.update(guidance_scale=float(g), guidance_rescale=float(r), num_inference_steps=int(n), scheduler=name)
    os.makedirs(o.pictures, exist_ok=True)
    get = lambda url: urllib.request.urlopen(url if url.startswith("http") else o.url + url, timeout=90)

    def draw(p):
        path = lambda k: os.path.join(o.pictures, f"{p['seed'] + k}.png")
        if all(os.path.exists(path(k)) for k in range(o.images)):
            return
        body = json.dumps(dict(prompt=p["prompt"], seed=p["seed"], num_images=o.images, **more)).encode()
        req = urllib.request.Request(o.url + "/v1/jobs", body, {"Content-Type": "application/json", "Prefer": "wait=60"})
        job = json.load(urllib.request.urlopen(req, timeout=90))
        while job["status"] in ("queued", "running"):
            time.sleep(.2)
            job = json.load(get(f"/v1/jobs/{job['id']}"))
        if job["status"] != "succeeded":
            raise SystemExit(f"{p['prompt']}: {job.get('error')}")
        for image in job["images"]:
            with open(path(image["index"]), "wb") as f:
                f.write(get(image["url"]).read())
    began = time.time()
    with ThreadPool(o.clients) as clients:
        for k, _ in enumerate(clients.imap_unordered(draw, prompts)):
            if k % 50 == 49:
                print(f"{k + 1} of {len(prompts)} prompts, {(k + 1) * o.images / (time.time() - began):.2f} pictures/s", flush=True)


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
        measured = judged(o, pool.map(measure, zip(x, prompts), chunksize=8), x, prompts)
        table = report(measured, prompts)
        results[f"{g},{r},{n},{s}"] = dict(groups=table, summary=summary(measured, prompts))
        print(f"== guidance {g} rescale {r} steps {n} {s}: {drawn:.0f} s, measured {time.time() - t - drawn:.0f} s", flush=True)
        show(table)
        show_summary(results[f"{g},{r},{n},{s}"]["summary"], None)
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
    ap.add_argument("--images", type=int, default=IMAGES, help=f"pictures of each prompt, at most {IMAGES}")
    ap.add_argument("--clients", type=int, default=4, help="requests at a time")
    ap.add_argument("--judge", help="judge.pt: names objects and styles as well")
    ap.add_argument("--real", help="what `real --to` wrote, shown beside the figures")
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
        results = judged(o, pool.map(measure, zip(pictures, prompts), chunksize=8), pictures, prompts)
    table, held = report(results, prompts), summary(results, prompts)
    show(table)
    real = None
    if o.real:
        with open(o.real) as f:
            real = json.load(f)["summary"]
    show_summary(held, real)
    if o.to:
        with open(o.to, "w") as f:
            json.dump(dict(groups=table, summary=held), f, indent=1)


if __name__ == "__main__":
    main()
