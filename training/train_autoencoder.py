"""Stage 1: the autoencoder, on composed scenes.

  torchrun --nproc_per_node=2 train_autoencoder.py --data data --out out --seconds 300

Writes out/autoencoder.pt: the moving average of the weights (float16) and the scaling factor that gives latents a
deviation of 1. Runs again with --resume from there.
"""
import argparse
import json
import os
import random
import time

import torch
import torch.nn.functional as F

import common
import emojidata as E
from autoencoder import Autoencoder
from compose import Composer, Renderer, pack

KL = 3e-4                     # weight of the mean KL divergence a latent value
MSE = .5
GRADIENTS = 3                 # scales at which edges are compared
PEAK = 8e-4
KEEP = .998


def edges(a, b):
    loss = 0
    for _ in range(GRADIENTS):
        loss = loss + ((a[..., 1:] - a[..., :-1]) - (b[..., 1:] - b[..., :-1])).abs().mean() \
            + ((a[..., 1:, :] - a[..., :-1, :]) - (b[..., 1:, :] - b[..., :-1, :])).abs().mean()
        a, b = F.avg_pool2d(a, 2), F.avg_pool2d(b, 2)
    return loss


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--data", default="data")
    ap.add_argument("--out", default="out")
    ap.add_argument("--heldout", default="heldout.json")
    ap.add_argument("--seconds", type=float, default=300)
    ap.add_argument("--batch", type=int, default=64, help="a process")
    ap.add_argument("--pool", type=int, default=24000, help="composed pictures kept on each GPU")
    ap.add_argument("--resume")
    ap.add_argument("--no-compile", action="store_true")
    ap.add_argument("--save-every", type=float, default=60, help="seconds")
    ap.add_argument("--seed", type=int, default=1)
    o = ap.parse_args()
    began = time.time()
    rank, world, device = common.setup(o.seed)
    cuda = device.type == "cuda"
    clock = common.Clock(o.seconds, world, device)
    net = Autoencoder().to(device, memory_format=torch.channels_last)
    if o.resume:
        net.load_state_dict({k: v.float() for k, v in torch.load(o.resume, map_location="cpu")["ema"].items()})
    params = list(net.parameters())
    ema = [p.detach().clone() for p in params]
    opt = torch.optim.AdamW(params, lr=PEAK, betas=(.9, .99), weight_decay=1e-3, **({"fused": True} if cuda else {}))
    average = common.Averager(params, world, 1.0)

    def losses(x):
        with torch.autocast(device.type, torch.bfloat16, enabled=cuda):
            y, mean, logvar = net(x)
        y, mean, logvar = y.float(), mean.float(), logvar.float()
        kl = .5 * (mean ** 2 + logvar.exp() - 1 - logvar).mean()
        mse = F.mse_loss(y, x)
        return F.l1_loss(y, x) + edges(y, x) + MSE * mse + KL * kl, mse, kl
    step_fn = losses if o.no_compile else torch.compile(losses, dynamic=False)

    rows, images = E.load(o.data)
    composer, render = Composer(rows, json.load(open(o.heldout))), Renderer(rows, images, device)
    rng = random.Random(1000 + rank)
    pool = torch.empty((o.pool, 3, 256, 256), dtype=torch.uint8, device=device)
    for i in range(0, o.pool, 128):
        n = min(128, o.pool - i)
        pool[i:i + n] = (render(pack([composer.sample(rng) for _ in range(n)])) * 127.5 + 127.5).round().clamp(0, 255).byte()
    del render, images
    if rank == 0:
        print(f"autoencoder: {time.time() - began:.0f} s to the first step", flush=True)

    def state():
        keep, names = {}, [n for n, _ in net.named_parameters()]
        for n, e in zip(names, ema):
            keep[n] = e
        return keep

    def checkpoint():
        """Scaling factor and quality of the averaged weights, on scenes that were not trained on."""
        test = Autoencoder().to(device, memory_format=torch.channels_last)
        test.load_state_dict(state())
        squares, count, error = 0.0, 0, 0.0
        with torch.no_grad():
            for i in range(0, len(pool_test), 64):
                x = pool_test[i:i + 64].float() / 127.5 - 1
                mean = test.encoder(x)[:, :4]
                y = test.decoder(mean).clamp(-1, 1)
                squares, count = squares + float((mean ** 2).sum()), count + mean.numel()
                error += float((((y - x) / 2) ** 2).mean((1, 2, 3)).log10().sum() * -10)
        scale = (squares / count) ** -.5
        common.save(os.path.join(o.out, "autoencoder.pt"), {"ema": common.half(state()), "scaling_factor": scale})
        return scale, error / len(pool_test)

    held = max(2, min(256, o.pool // 10))
    pool_test, pool = pool[-held:], pool[:-held]
    step, saved, started, share, warm = 0, time.time(), None, clock.share(), 0
    while share < 1:
        idx = torch.randint(0, len(pool), (o.batch,), device=device)
        x = (pool[idx].float() / 127.5 - 1).contiguous(memory_format=torch.channels_last)
        loss, mse, kl = step_fn(x)
        loss.backward()
        average()
        for g in opt.param_groups:
            g["lr"] = common.rate(share, step, PEAK)
        opt.step()
        opt.zero_grad(set_to_none=True)
        common.moving_average(ema, params, min(KEEP, (1 + step) / (10 + step)))
        step += 1
        if step % 10 == 0 or not cuda:
            share = clock.share()
        if step == 20:
            started, warm = time.time(), step
        if rank == 0 and step % 200 == 0:
            speed = (step - warm) * o.batch * world / (time.time() - started)
            print(f"autoencoder step {step} share {share:.2f} loss {float(loss):.4f} psnr {-10 * torch.log10(mse / 4):.2f} "
                  f"kl {float(kl):.2f} {speed:.0f} pictures/s", flush=True)
            if time.time() - saved > o.save_every:
                checkpoint()
                saved = time.time()
    if rank == 0:
        scale, psnr = checkpoint()
        print(f"autoencoder done: {step} steps, {step * o.batch * world} pictures, psnr {psnr:.2f} dB, "
              f"scaling factor {scale:.4f}, {time.time() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
