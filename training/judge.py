"""The judge: a small residual network that names the object and the style of a picture.

  python3 judge.py --data data --to judge.pt --seconds 150 [--resume judge.pt]

It is trained on real drawings alone, composed into scenes on random backgrounds, and never takes part in the
generator's training. It sees 128x128: a whole picture, or one half's square where two things stand side by side.
Drawings are bent, blurred, recoloured and partly hidden while it learns, so that it goes by the shape that a thing has
in general and not by one drawing's pixels. Combinations that are held out from the generator are known to the judge.
"""
import argparse
import multiprocessing
import random
import time

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

import common
import emojidata as E

SIDE = 128
WIDTHS = (64, 128, 256, 384)
STYLES = list(E.STYLE_WORDS)
PEAK = 2e-3


class Block(nn.Module):
    def __init__(self, cin, cout, stride):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(cin, cout, 3, stride, 1, bias=False), nn.BatchNorm2d(cout)
        self.conv2, self.norm2 = nn.Conv2d(cout, cout, 3, 1, 1, bias=False), nn.BatchNorm2d(cout)
        self.skip = nn.Sequential(nn.Conv2d(cin, cout, 1, stride, bias=False), nn.BatchNorm2d(cout)) if stride > 1 or cin != cout \
            else nn.Identity()

    def forward(self, x):
        h = F.relu(self.norm1(self.conv1(x)))
        return F.relu(self.skip(x) + self.norm2(self.conv2(h)))


class Judge(nn.Module):
    def __init__(self, objects):
        super().__init__()
        w = WIDTHS
        self.stem = nn.Sequential(nn.Conv2d(3, w[0], 5, 2, 2, bias=False), nn.BatchNorm2d(w[0]), nn.ReLU())
        self.body = nn.Sequential(*[b for i, c in enumerate(w) for b in (
            Block(w[max(0, i - 1)], c, 2 if i else 1), Block(c, c, 1))])
        self.object, self.style = nn.Linear(w[-1], objects), nn.Linear(w[-1], len(STYLES))

    def forward(self, x):
        """[b,3,128,128] in -1..1 -> logits of the objects, logits of the styles"""
        h = self.body(self.stem(x)).mean((2, 3))
        return self.object(h), self.style(h)


def crop(pictures, cx, cy, zoom):
    """[b,3,h,w], centre in 0..1 and zoom per picture -> [b,3,SIDE,SIDE]; 1 = the whole picture"""
    theta = torch.zeros(len(pictures), 2, 3, device=pictures.device)
    theta[:, 0, 0] = theta[:, 1, 1] = 1 / zoom
    theta[:, 0, 2], theta[:, 1, 2] = cx * 2 - 1, cy * 2 - 1
    return look(pictures, theta)


def look(pictures, theta):
    small = F.avg_pool2d(pictures, pictures.shape[-1] // 2 // SIDE) if pictures.shape[-1] >= 4 * SIDE else pictures
    grid = F.affine_grid(theta, (len(small), 3, SIDE, SIDE), align_corners=False)
    return F.grid_sample(small, grid, mode="bilinear", padding_mode="border", align_corners=False)


class Loaded:
    """A judge from its file: names what it sees."""
    def __init__(self, path):
        c = torch.load(path, map_location="cpu")
        self.objects = {h: i for i, h in enumerate(c["objects"])}
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.net = Judge(len(self.objects))
        self.net.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in c["net"].items()})
        self.net.to(self.device).eval()

    @torch.no_grad()
    def __call__(self, pictures, prompts, rows, batch=128):
        """uint8 [h,w,3] pictures and their prompts -> list of dict(object, style[, all]): share named right"""
        out = [None] * len(pictures)
        views = []                                          # (picture, which object, centre, zoom)
        for i, p in enumerate(prompts):
            if len(p["objects"]) > 1:
                views += [(i, n, o[1], o[2], 2.0) for n, o in enumerate(p["objects"])]
            else:
                views.append((i, 0, .5, .5, 1.0))
        named = {}
        for k in range(0, len(views), batch):
            part = views[k:k + batch]
            x = torch.stack([torch.from_numpy(np.array(pictures[v[0]])).permute(2, 0, 1) for v in part]).to(self.device).float() / 127.5 - 1
            cx, cy, zoom = (torch.tensor([v[j] for v in part], device=self.device) for j in (2, 3, 4))
            obj, style = (y.argmax(1).tolist() for y in self.net(crop(x, cx, cy, zoom)))
            for v, a, b in zip(part, obj, style):
                p = prompts[v[0]]
                named.setdefault(v[0], []).append((a == self.objects.get(rows[p["objects"][v[1]][0]]["hex"]), STYLES[b] == p["style"]))
        for i, views in named.items():
            right = [v[0] for v in views]
            out[i] = dict(style=float(np.mean([v[1] for v in views])), object=float(np.mean(right)))
            if len(views) > 1:
                out[i]["all"] = all(right)
        return out


def write_scenes(o, seed, queue):
    """A worker: endless chunks of scenes, each with the place to look at, the object's index and the style's."""
    torch.set_num_threads(1)
    from compose import Composer, PAIR, pack
    rows, _ = E.load(o.data, images=False)
    composer, rng = Composer(rows), random.Random(seed)
    objects = {h: i for i, h in enumerate(sorted({r["hex"] for r in composer.pool}))}
    while True:
        scenes, look_at = [], []
        for _ in range(o.batch):
            r = rng.choice(composer.pool)
            color, _ = composer._subject(r, rng)
            others = [r]
            if rng.random() < .35:
                others.append(rng.choice(composer.by_style[r["style"]]))
            bg = composer._bg(rng, [], color, r["tint"])
            if len(others) == 2:
                at = [(.26, .5), (.74, .5)]
                rng.shuffle(at)
                ink = color if r["tint"] else None
                objs = [composer._object(x, c, *p, PAIR, rng, 0) for x, c, p in zip(others, (color, ink), at)]
                cx, cy, zoom = *at[0], 2.0
            else:
                scale = rng.choice([rng.uniform(.38, .5), rng.uniform(.6, 1), .8])
                objs = [composer._object(r, color, rng.uniform(.2, .8), rng.uniform(.2, .8), scale, rng, 0)]
                cx, cy, zoom = .5, .5, 1.0
            scenes.append(dict(objs=objs, bg=bg))
            look_at.append((cx, cy, zoom, objects[r["hex"]], STYLES.index(r["style"])))
        queue.put((pack(scenes), np.array(look_at, np.float32)))


def disturb(pictures, at):
    """What the judge sees while it learns: turned, stretched, shifted, blurred, recoloured, noisy, partly hidden."""
    n, device = len(pictures), pictures.device
    rand = lambda a, b, *shape: torch.rand(n, *shape, device=device) * (b - a) + a
    turn, sx, sy, shear = rand(-.2, .2), rand(.85, 1.15), rand(.85, 1.15), rand(-.12, .12)
    theta = torch.zeros(n, 2, 3, device=device)
    theta[:, 0, 0], theta[:, 0, 1] = turn.cos() * sx, -turn.sin() * sy + shear
    theta[:, 1, 0], theta[:, 1, 1] = turn.sin() * sx, turn.cos() * sy
    theta /= at[:, 2, None, None]
    theta[:, 0, 2] = at[:, 0] * 2 - 1 + rand(-.06, .06) / at[:, 2]
    theta[:, 1, 2] = at[:, 1] * 2 - 1 + rand(-.06, .06) / at[:, 2]
    x = look(pictures, theta)
    soft = F.interpolate(F.avg_pool2d(x, 2), size=SIDE, mode="bilinear")
    softer = F.interpolate(F.avg_pool2d(x, 4), size=SIDE, mode="bilinear")
    u = rand(0, 1, 1, 1, 1)
    x = torch.where(u < .5, x, torch.where(u < .8, soft, softer))
    x = (x * rand(.8, 1.2, 1, 1, 1) + rand(-.12, .12, 3, 1, 1)) + torch.randn_like(x) * rand(0, .06, 1, 1, 1)
    c = torch.arange(SIDE, device=device).float() / SIDE
    hx, hy, r = rand(0, 1, 1), rand(0, 1, 1), rand(-.15, .15, 1)        # a square, in about half the pictures
    hide = ((c - hx).abs() < r)[:, None, None, :] & ((c - hy).abs() < r)[:, None, :, None]
    return torch.where(hide, rand(-1, 1, 3, 1, 1), x).clamp(-1, 1)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--data", default="data")
    ap.add_argument("--to", default="judge.pt")
    ap.add_argument("--seconds", type=float, default=150)
    ap.add_argument("--batch", type=int, default=512)
    ap.add_argument("--workers", type=int, default=8)
    ap.add_argument("--resume", help="a judge.pt to go on from")
    ap.add_argument("--seed", type=int, default=5)
    o = ap.parse_args()
    from compose import Composer, Renderer
    context = multiprocessing.get_context("spawn")
    queue = context.Queue(8)
    workers = [context.Process(target=write_scenes, args=(o, 7000 + i, queue), daemon=True) for i in range(o.workers)]
    for w in workers:
        w.start()
    _, _, device = common.setup(o.seed)
    cuda = device.type == "cuda"
    rows, images = E.load(o.data)
    render = Renderer(rows, images, device)
    objects = sorted({r["hex"] for r in Composer(rows).pool})
    net, before = Judge(len(objects)).to(device, memory_format=torch.channels_last), 0
    if o.resume:
        c = torch.load(o.resume, map_location="cpu")
        net.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in c["net"].items()})
        before = c["pictures"]
    params = list(net.parameters())
    opt = torch.optim.AdamW(params, lr=PEAK, weight_decay=.05)
    clock, step, share, shown, seen = common.Clock(o.seconds, 1, device), 0, 0.0, time.time(), []
    while share < 1:
        records, at = queue.get()
        at = torch.from_numpy(at).to(device)
        x = torch.cat([render(records[i:i + 128]) for i in range(0, len(records), 128)])
        x = disturb(x, at).contiguous(memory_format=torch.channels_last)
        which, style = at[:, 3].long(), at[:, 4].long()
        with torch.autocast(device.type, torch.bfloat16, enabled=cuda):
            a, b = net(x)
            loss = F.cross_entropy(a.float(), which, label_smoothing=.1) + .5 * F.cross_entropy(b.float(), style, label_smoothing=.05)
        for g in opt.param_groups:
            g["lr"] = common.rate(share, step, PEAK, 300)
        opt.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(params, 1.0)
        opt.step()
        step += 1
        seen.append((a.argmax(1) == which).float().mean() * 1j + (b.argmax(1) == style).float().mean())
        share = clock.share()
        if time.time() - shown > 10 or share >= 1:
            s = complex(torch.stack(seen).mean())
            print(f"judge step {step} share {share:.2f} loss {float(loss.detach()):.3f} object {s.imag:.3f} style {s.real:.3f} "
                  f"{step * o.batch / (share * o.seconds):.0f} pictures/s", flush=True)
            shown, seen = time.time(), []
    common.save(o.to, {"objects": objects, "net": common.half(net.state_dict()), "pictures": before + step * o.batch})
    for w in workers:
        w.terminate()


if __name__ == "__main__":
    main()
