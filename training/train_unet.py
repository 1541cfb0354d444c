"""Stage 2: the U-Net and the text encoder together, on latents alone.

  torchrun --nproc_per_node=2 train_unet.py --data data --out out --seconds 1000

Each process composes scenes, encodes them to latents once and keeps them in GPU memory; while it trains it goes on
composing, so that the bank grows and is then renewed. Worker processes write the scenes and captions. Writes
out/unet.pt: moving averages (float16) of U-Net and text encoder. Runs again with --resume from there.

v prediction; weights min(SNR + 1, 5) on the picture's error (min-SNR for v prediction, kept at 1 where the SNR is
zero, for that step decides the background); a tenth of the captions is dropped for classifier-free guidance.
"""
import argparse
import json
import multiprocessing
import os
import random
import time

import numpy as np
import torch

import common
import diffusion
import emojidata as E
from autoencoder import Autoencoder
from compose import Composer, Renderer, pack
from text_encoder import LENGTH, TextEncoder
from tokenizer import Tokenizer
from unet import UNet

PEAK = 7e-4
KEEP = .9995
DROP = .1                     # share of captions replaced by the empty one
GAMMA = 5.0


def write_scenes(o, seed, queue):
    """A worker: endless (records, tokens) of --chunk scenes"""
    torch.set_num_threads(1)
    rows, _ = E.load(o.data, images=False)
    composer, tokenizer, rng = Composer(rows, json.load(open(o.heldout))), Tokenizer(o.tokenizer), random.Random(seed)
    while True:
        scenes = [composer.sample(rng) for _ in range(o.chunk)]
        queue.put((pack(scenes), np.array([tokenizer(s["caption"]) for s in scenes], np.int16)))


def objective(unet, text, device):
    """-> loss(x0, token ids, timesteps, noise)"""
    ac = torch.tensor(diffusion.alphas_cumprod(), dtype=torch.float32, device=device)

    def loss(x0, ids, t, noise):
        a = ac[t].view(-1, 1, 1, 1)
        x, v = a.sqrt() * x0 + (1 - a).sqrt() * noise, a.sqrt() * noise - (1 - a).sqrt() * x0
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            out = unet(x, t, text(ids))
        weight = (GAMMA * (1 - ac[t])).clamp(max=1)            # min(SNR + 1, gamma) / (SNR + 1), SNR + 1 = 1 / (1 - a)
        return (weight * ((out.float() - v) ** 2).mean((1, 2, 3))).mean()
    return loss


def spread_times(n, device):
    """One random timestep in each n-th part of the schedule"""
    u = (torch.arange(n, device=device) + torch.rand(n, device=device)) / n
    return (u * diffusion.STEPS).long().clamp(max=diffusion.STEPS - 1)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--data", default="data")
    ap.add_argument("--out", default="out")
    ap.add_argument("--tokenizer", default="out/tokenizer")
    ap.add_argument("--heldout", default="heldout.json")
    ap.add_argument("--seconds", type=float, default=1000)
    ap.add_argument("--until", help="file with the Unix time at which to end instead; may be rewritten while it runs")
    ap.add_argument("--batch", type=int, default=384, help="a process")
    ap.add_argument("--bank", type=int, default=600_000, help="latents kept on each GPU")
    ap.add_argument("--first", type=int, default=80_000, help="latents made before the first step")
    ap.add_argument("--chunk", type=int, default=512, help="scenes composed and encoded at once")
    ap.add_argument("--refresh", type=float, default=.07, help="share of the time spent on new latents")
    ap.add_argument("--workers", type=int, default=6, help="a process")
    ap.add_argument("--resume")
    ap.add_argument("--peak", type=float, default=PEAK)
    ap.add_argument("--no-compile", action="store_true")
    ap.add_argument("--warm", action="store_true", help="compile, take three steps on noise, and stop (fills the compile cache)")
    ap.add_argument("--save-every", type=float, default=90, help="seconds")
    ap.add_argument("--seed", type=int, default=2)
    o = ap.parse_args()
    began = time.time()
    local = int(os.environ.get("RANK", 0))
    context = multiprocessing.get_context("spawn")
    queue = context.Queue(24)
    workers = [context.Process(target=write_scenes, args=(o, 100_000 * (1 + local) + 1000 * o.seed + i, queue), daemon=True)
               for i in range(0 if o.warm else o.workers)]
    for w in workers:
        w.start()
    rank, world, device = common.setup(o.seed)
    cuda = device.type == "cuda"

    unet, text = UNet().to(device, memory_format=torch.channels_last), TextEncoder().to(device)
    if o.resume:
        c = torch.load(o.resume, map_location="cpu")
        unet.load_state_dict({k: v.float() for k, v in c["unet"].items()})
        text.load_state_dict({k: v.float() for k, v in c["text"].items()})
    params = list(unet.parameters()) + list(text.parameters())
    ema = [p.detach().clone() for p in params]
    groups = [{"params": [p for p in params if p.ndim > 1], "weight_decay": .01},
              {"params": [p for p in params if p.ndim <= 1], "weight_decay": 0.0}]
    opt = torch.optim.AdamW(groups, lr=o.peak, betas=(.9, .99), **({"fused": True} if cuda else {}))
    average = common.Averager(params, world, 1.0)
    step_fn = objective(unet, text, device)
    if not o.no_compile:
        step_fn = torch.compile(step_fn, dynamic=False)

    def update(x0, ids, lr, keep):
        loss = step_fn(x0, ids, spread_times(o.batch, device), torch.randn_like(x0))
        loss.backward()
        norm = average()
        for g in opt.param_groups:
            g["lr"] = lr
        opt.step()
        opt.zero_grad(set_to_none=True)
        common.moving_average(ema, params, keep)
        return loss.detach(), norm

    if o.warm:
        for _ in range(3):
            update(torch.randn(o.batch, 4, 32, 32, device=device).contiguous(memory_format=torch.channels_last),
                   torch.zeros(o.batch, LENGTH, dtype=torch.long, device=device), 0.0, 1.0)
        print(f"warm: {time.time() - began:.0f} s", flush=True)
        return

    # the bank of latents
    torch.manual_seed(o.seed * 1000 + rank + 1)
    rows, images = E.load(o.data)
    render = Renderer(rows, images, device)
    del images
    c = torch.load(os.path.join(o.out, "autoencoder.pt"), map_location="cpu")
    vae = Autoencoder()
    vae.load_state_dict({k: v.float() for k, v in c["ema"].items()})
    encoder, scale = vae.encoder.to(device, memory_format=torch.channels_last).eval(), float(c["scaling_factor"])
    bank = torch.empty((o.bank, 4, 32, 32), dtype=torch.bfloat16 if cuda else torch.float32, device=device)
    tokens = torch.zeros((o.bank, LENGTH), dtype=torch.int16, device=device)
    empty = torch.tensor(Tokenizer(o.tokenizer)(""), device=device)
    filled = made = 0

    @torch.no_grad()
    def compose_chunk():
        nonlocal filled, made
        records, ids = queue.get()
        at = made % (o.bank // o.chunk * o.chunk)
        for i in range(0, o.chunk, 128):
            x = render(records[i:i + 128]).contiguous(memory_format=torch.channels_last)
            with torch.autocast(device.type, torch.bfloat16, enabled=cuda):
                z = encoder(x)[:, :4]
            bank[at + i:at + i + len(x)] = (z.float() * scale).to(bank.dtype)
        tokens[at:at + o.chunk] = torch.from_numpy(ids).to(device)
        made += o.chunk
        filled = max(filled, at + o.chunk)
    t0 = time.time()
    while made < o.first:
        compose_chunk()
    if cuda:
        torch.cuda.synchronize()
    cost = (time.time() - t0) / (made / o.chunk)
    if rank == 0:
        print(f"unet: {time.time() - began:.0f} s to {made} latents ({made / (time.time() - t0):.0f}/s a process), "
              f"mean {float(bank[:filled].float().mean()):.3f} deviation {float(bank[:filled].float().std()):.3f}", flush=True)

    names = [n for n, _ in unet.named_parameters()], [n for n, _ in text.named_parameters()]

    def checkpoint():
        k = len(names[0])
        common.save(os.path.join(o.out, "unet.pt"), {
            "unet": common.half(dict(zip(names[0], ema[:k]))), "text": common.half(dict(zip(names[1], ema[k:]))),
            "steps": step, "samples": step * o.batch * world, "seconds": time.time() - began})

    # one clock for the schedule: it starts now, and ends where the budget ends
    clock = common.Clock(o.seconds - (time.time() - began), world, device, o.until)
    step, share, saved, shown, warm, begin, spent, total = 0, 0.0, time.time(), time.time(), 0, time.time(), 0.0, 0.0
    while share < 1:
        at = torch.randint(0, filled, (o.batch,), device=device)
        ids = torch.where(torch.rand(o.batch, 1, device=device) < DROP, empty, tokens[at].long())
        x0 = bank[at].float().contiguous(memory_format=torch.channels_last)
        loss, norm = update(x0, ids, common.rate(share, step, o.peak, 400), min(KEEP, (1 + step) / (10 + step)))
        total = total + loss
        step += 1
        if step == 10:
            float(loss)
            warm, begin, spent = step, time.time(), 0.0
        if step % 10 == 0 or not cuda:
            share = clock.share()
        if made < 6 * o.bank and spent < o.refresh * (time.time() - begin) and step > 10:
            t = time.time()
            compose_chunk()
            spent += max(cost, time.time() - t)
        if rank == 0 and step % 250 == 0:
            now = time.time()
            print(f"unet step {step} share {share:.3f} loss {float(total) / 250:.4f} norm {float(norm):.2f} bank {made} "
                  f"{(step - warm) * o.batch * world / (now - begin):.0f} samples/s", flush=True)
            total = 0.0
            if now - saved > o.save_every:
                checkpoint()
                saved = now
    if rank == 0:
        checkpoint()
        print(f"unet done: {step} steps, {step * o.batch * world} samples, {time.time() - began:.0f} s", flush=True)
    for w in workers:
        w.terminate()


if __name__ == "__main__":
    main()
