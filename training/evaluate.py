"""Does a picture show what its prompt says? Automatic measures, on seen and held-out combinations.

  python3 evaluate.py prompts --data data --to prompts.json           # what to draw
  python3 evaluate.py references --data data --to references.npz      # the drawings to compare with
  python3 evaluate.py real --data data --judge judge.pt --to real.json    # the measures' ceiling: real drawings of the same prompts
  python3 evaluate.py service --url http://127.0.0.1:5080 --pictures shots [--group G ...] [--limit N] [--seconds N]
  python3 evaluate.py measure --pictures shots (or pictures.npy) --judge judge.pt --real real.json --to results.json
  python3 evaluate.py contact --pictures shots --to contact.jpg     # pictures of every group
  python3 evaluate.py nearest --data data --pictures shots --to nearest.jpg    # and the training drawing nearest to each
  python3 evaluate.py autoencoder --data data --out out             # what the autoencoder keeps of the prompts' real scenes
  python3 evaluate.py sweep --out out --settings 3,.7,12,dpmpp_2m 4,.7,12,dpmpp_2m     # on a GPU, from checkpoints

evaluate_service.sh does all of it for a running service; report.py writes the figures down.
"""
import argparse
import collections
import functools
import json
import multiprocessing
from multiprocessing.pool import ThreadPool
import os
import time

import numpy as np
from PIL import Image

import emojidata as E
from measures import measure, references, renderer, start, to_bytes
from prompts import IMAGES, plan


KEYS = ["background", "color", "place", "size", "object", "style", "all", "r1", "r5", "distance", "unseen"]


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


def save(path, value):
    if path:
        with open(path + ".part", "w") as f:
            json.dump(value, f, indent=1)
        os.replace(path + ".part", path)


@functools.lru_cache
def the_judge(path):
    from judge import Loaded
    return Loaded(path)


def judged(o, results, pictures, prompts):
    """The results with what the judge named added, if there is one"""
    if o.judge:
        rows, _ = E.load(o.data, images=False)
        for r, named in zip(results, the_judge(o.judge)(pictures, prompts, rows)):
            r.update(named)
    return results


def summary(results, prompts):
    """The figures that the model is held to: share right on seen and on held-out combinations, each with the number of pictures"""
    clear = {"fluent-3d", "fluent-flat", "noto"}

    def rate(key, *groups, when=lambda p: True):
        v = [r[key] for r, p in zip(results, prompts) if p["group"] in groups and key in r and when(p)]
        return [round(float(np.mean(v)), 4), len(v)] if v else None
    in_clear = lambda p: p["style"] in clear
    held = ["heldout_style", "heldout_background", "heldout_pair"]
    return {
        "background word": (rate("background", "seen"), rate("background", "heldout_background")),
        "object, styles 3d, flat, cartoon": (rate("object", "seen", when=in_clear), rate("object", "heldout_style", when=in_clear)),
        "style": (rate("style", "seen"), rate("style", *held)),
        "both objects of a pair": (rate("all", "seen_pair"), rate("all", "heldout_pair")),
        "place": (rate("place", "place"), None),
        "size": (rate("size", "size"), None),
        "colour of the object": (rate("color", "seen_color"), rate("color", "heldout_color")),
        "object, a word or two": (rate("object", "free"), None),
        "both of \"a cat and a dog\"": (rate("all", "free_pair"), None),
        "all of two, three, four": (rate("all", "count_2", "count_3", "count_4"), None)}


def as_summary(table):
    """-> lines of the summary as text"""
    cell = lambda v: f"{v[0]:.3f} ({v[1]})" if v else ""
    return [f"{k:36}{cell(v[0]):>14}{cell(v[1]):>14}" for k, v in table.items()]


def figures(o, pool, pictures, prompts):
    """Measures and judges, shows and returns the figures"""
    if not pictures:
        raise SystemExit("no pictures")
    results = judged(o, pool.map(measure, zip(pictures, prompts), chunksize=8), pictures, prompts)
    out = dict(pictures=len(results), prompts=len({p["prompt"] for p in prompts}), groups=report(results, prompts), summary=summary(results, prompts))
    show(out["groups"])
    print("\n".join([f"\n{'share right (pictures)':36}{'seen':>14}{'held out':>14}", *as_summary(out["summary"])]), flush=True)
    return out


def read(path, prompts):
    """pictures.npy in the order of the prompts, or a folder of <seed>.png -> pictures and their prompts"""
    if path.endswith(".npy"):
        return list(np.load(path)), prompts
    have = set(os.listdir(path))
    asked = [dict(p, seed=s) for p in prompts for s in range(p["seed"], p["seed"] + IMAGES) if f"{s}.png" in have]
    with ThreadPool() as threads:
        return threads.map(lambda p: np.asarray(Image.open(os.path.join(path, f"{p['seed']}.png")).convert("RGB")), asked), asked


def service(o, prompts):
    """Draws through running services, --images a prompt, with the model's own defaults, or with each of --settings in a folder of its own."""
    from draw import draw_all
    more, end = {"model": o.model} if o.model else {}, o.seconds and time.time() + o.seconds
    for k, setting in enumerate(o.settings or [""]):
        if setting:
            g, r, n, name = setting.split(",")
            more.update(guidance_scale=float(g), guidance_rescale=float(r), num_inference_steps=int(n), scheduler=name)
            print("==", setting, flush=True)
        left = end and (end - time.time()) / (len(o.settings or [""]) - k)
        draw_all([u.rstrip("/") for u in o.url], prompts, os.path.join(o.pictures, setting), o.images, o.clients, left, more)


def autoencoder(o, prompts):
    """PSNR of the autoencoder alone on the real scenes of the prompts, by group: the mean over pictures, in dB."""
    import torch
    from autoencoder import Autoencoder
    from compose import pack
    c = torch.load(os.path.join(o.out, "autoencoder.pt"), map_location="cpu")
    vae = Autoencoder()
    vae.load_state_dict({k: v.float() for k, v in c["ema"].items()})
    rows, images = E.load(o.data)
    render, groups = renderer(rows, images), collections.defaultdict(list)
    vae.to(render.device).eval()
    with torch.no_grad():
        for i in range(0, len(prompts), 16):
            x = render(pack([p["scene"] for p in prompts[i:i + 16]]))
            y = vae.decoder(vae.encoder(x)[:, :4]).clamp(-1, 1)
            for p, e in zip(prompts[i:i + 16], (((y - x) / 2) ** 2).mean((1, 2, 3)).log10().mul(-10).tolist()):
                groups[p["group"]].append(e)
    table = {g: dict(n=len(v), psnr=round(float(np.mean(v)), 2), worst=round(min(v), 2)) for g, v in groups.items()}
    for g, v in table.items():
        print(f"{g:24}{v['n']:>6}{v['psnr']:>9.2f} dB, worst {v['worst']:.2f}", flush=True)
    return table


def sweep(o, prompts, pool):
    """Each of --settings from checkpoints on a GPU, without a service."""
    from sample import Model
    model, out = Model(o.out, o.tokenizer), {}
    for setting in o.settings:
        g, r, n, name = setting.split(",")
        print("==", setting, flush=True)
        x = model.draw([p["prompt"] for p in prompts], [p["seed"] for p in prompts], int(n), float(g), float(r), name)
        out[setting] = figures(o, pool, x, prompts)
        save(o.to, out)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("do", choices=["prompts", "references", "real", "service", "measure", "contact", "nearest", "autoencoder", "sweep"])
    ap.add_argument("--data", default="data")
    ap.add_argument("--heldout", default="heldout.json")
    ap.add_argument("--prompts", default="prompts.json")
    ap.add_argument("--references", default="references.npz")
    ap.add_argument("--pictures", default="shots")
    ap.add_argument("--url", nargs="+", default=["http://127.0.0.1:5080"], help="of one or several services")
    ap.add_argument("--model")
    ap.add_argument("--group", nargs="+")
    ap.add_argument("--limit", type=int)
    ap.add_argument("--skip", type=int, default=0, help="prompts at the start")
    ap.add_argument("--every", type=int, default=1)
    ap.add_argument("--images", type=int, default=IMAGES, help=f"pictures of each prompt, at most {IMAGES}")
    ap.add_argument("--clients", type=int, default=4, help="requests at a time; what fills the services' batches, and some more")
    ap.add_argument("--seconds", type=float, help="after which no more pictures are asked for")
    ap.add_argument("--judge", help="judge.pt: names objects and styles as well")
    ap.add_argument("--real", help="what `real --to` wrote, shown beside the figures")
    ap.add_argument("--out", default="out")
    ap.add_argument("--tokenizer")
    ap.add_argument("--settings", nargs="*", help="guidance,rescale,steps,scheduler ...")
    ap.add_argument("--columns", type=int, default=12)
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
        np.savez_compressed(o.to or o.references, **references(rows, images, json.load(open(o.heldout))))
        return
    with open(o.prompts) as f:
        prompts = [p for p in json.load(f) if not o.group or p["group"] in o.group][o.skip::o.every][:o.limit]
    if o.do == "service":
        service(o, prompts)
        return
    if o.do == "autoencoder":
        save(o.to, autoencoder(o, prompts))
        return
    if o.do in ("contact", "nearest"):
        from sheets import contact_sheet, nearest_sheet
        start(o.references)
        sheet = (contact_sheet if o.do == "contact" else nearest_sheet)(o, *read(o.pictures, prompts))
        Image.fromarray(sheet).save(o.to, quality=88, subsampling=0, optimize=True)
        return
    with multiprocessing.get_context("fork").Pool(min(24, os.cpu_count()), start, (o.references,)) as pool:
        if o.do == "sweep":
            sweep(o, prompts, pool)
            return
        if o.do == "real":
            from compose import pack
            rows, images = E.load(o.data)
            render = renderer(rows, images)
            pictures = [a for i in range(0, len(prompts), 64) for a in to_bytes(render(pack([p["scene"] for p in prompts[i:i + 64]])))]
            save(o.to, figures(o, pool, pictures, prompts))
            return
        out = {}
        for setting in o.settings or [""]:
            folder = os.path.join(o.pictures, setting)
            print(f"== {setting}" if setting else "", flush=True)
            out[setting] = figures(o, pool, *read(folder, prompts))
            for name, path in (("real", o.real), ("drawing", os.path.join(folder, "drawing.json"))):
                if path and os.path.exists(path):
                    with open(path) as f:
                        out[setting][name] = json.load(f)
        save(o.to, out if o.settings else out[""])


if __name__ == "__main__":
    main()
