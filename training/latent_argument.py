"""What latent diffusion saves: the same U-Net, trained equally long on 64x64 pixels and on the latents of 256x256 pictures.

  python3 latent_argument.py --data data --out out --prompts prompts.json --references references.npz --seconds 80 --to latent_argument.json

Both see the same scenes and captions with the same objective; only the space differs. Writes what a
step and a picture cost in each, the quality that each reached in the time, and what a step would cost in pixels at 256x256.
"""
import argparse
import json
import multiprocessing
import os
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch.utils.flop_counter import FlopCounterMode

import common
import diffusion
import emojidata as E
import evaluate
from autoencoder import Autoencoder
from compose import Renderer
from text_encoder import TextEncoder
from tokenizer import Tokenizer
from train_unet import DROP, KEEP, PEAK, objective, spread_times, write_scenes
from unet import UNet

STEPS, GUIDANCE, RESCALE = 12, 3.0, .7


def timed(fn, times=20):
    """-> seconds, median of calls"""
    out = []
    for _ in range(times + 3):
        torch.cuda.synchronize()
        t = time.time()
        fn()
        torch.cuda.synchronize()
        out.append(time.time() - t)
    return float(np.median(out[3:]))


class Space:
    """One of the two: the network, its data, and the way from its numbers to a picture."""
    def __init__(self, name, bank, tokens, empty, decode, o, device):
        self.name, self.bank, self.tokens, self.empty, self.decode, self.o, self.device = name, bank, tokens, empty, decode, o, device
        torch.manual_seed(3)
        self.unet = UNet(bank.shape[1]).to(device, memory_format=torch.channels_last)
        self.text = TextEncoder().to(device)

    def train(self):
        o, device = self.o, self.device
        params = list(self.unet.parameters()) + list(self.text.parameters())
        ema = [p.detach().clone() for p in params]
        opt = torch.optim.AdamW(params, lr=PEAK, betas=(.9, .99), weight_decay=.01, fused=True)
        loss_fn = torch.compile(objective(self.unet, self.text, device), dynamic=False)

        def update(lr, keep):
            at = torch.randint(0, len(self.bank), (o.batch,), device=device)
            ids = torch.where(torch.rand(o.batch, 1, device=device) < DROP, self.empty, self.tokens[at].long())
            x0 = self.bank[at].float().contiguous(memory_format=torch.channels_last)
            loss = loss_fn(x0, ids, spread_times(o.batch, device), torch.randn_like(x0))
            loss.backward()
            torch.nn.utils.clip_grad_norm_(params, 1.0)
            for g in opt.param_groups:
                g["lr"] = lr
            opt.step()
            opt.zero_grad(set_to_none=True)
            common.moving_average(ema, params, keep)
            return loss.detach()
        for _ in range(3):
            update(0.0, 1.0)                                   # compiles, outside the time
        torch.cuda.synchronize()
        clock, share, step, losses = common.Clock(o.seconds, 1, device), 0.0, 0, []
        while share < 1:
            losses.append(update(common.rate(share, step, PEAK, 300), min(KEEP, (1 + step) / (10 + step))))
            step += 1
            if step % 5 == 0:
                torch.cuda.synchronize()
                share = clock.share()
        for p, e in zip(params, ema):
            p.data.copy_(e)
        return dict(samples=step * o.batch, samples_per_second=round(step * o.batch / o.seconds), ms_per_step=round(1000 * o.seconds / step, 2),
                    loss=round(float(torch.stack(losses[-100:]).mean()), 4))

    @torch.no_grad()
    def draw(self, prompts, seeds, tokenizer):
        """-> uint8 [n,side,side,3]"""
        n, shape = len(prompts), self.bank.shape[1:]
        ids = torch.tensor([tokenizer(p) for p in prompts] + [tokenizer("")] * n, device=self.device)
        x = torch.stack([torch.randn(shape, generator=torch.Generator().manual_seed(s)) for s in seeds]).to(self.device)
        with torch.autocast("cuda", torch.bfloat16):
            states = self.text(ids)

            def predict(x, t):
                both = self.unet(torch.cat([x, x]).contiguous(memory_format=torch.channels_last),
                                 torch.full((2 * n,), t, device=self.device), states).float()
                return diffusion.guided(both[:n], both[n:], GUIDANCE, RESCALE)
            y = self.decode(diffusion.sample(predict, x, STEPS))
        return (y.float() * 127.5 + 127.5).round().clamp(0, 255).byte().permute(0, 2, 3, 1).cpu().numpy()

    @torch.no_grad()
    def step_cost(self, side, batch):
        """-> GFLOP a sample and milliseconds a sample of one U-Net call, no gradients"""
        x = torch.randn(batch, self.bank.shape[1], side, side, device=self.device).contiguous(memory_format=torch.channels_last)
        t, states = torch.full((batch,), 500, device=self.device), torch.randn(batch, 40, 256, device=self.device)
        with torch.autocast("cuda", torch.bfloat16):
            with FlopCounterMode(display=False) as counter:
                self.unet(x, t, states)
            seconds = timed(lambda: self.unet(x, t, states))
        return dict(side=side, gflop=round(counter.get_total_flops() / batch / 1e9, 3), ms=round(1000 * seconds / batch, 4), batch=batch)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--data", default="data")
    ap.add_argument("--out", default="out")
    ap.add_argument("--tokenizer", default="out/tokenizer")
    ap.add_argument("--heldout", default="heldout.json")
    ap.add_argument("--prompts", default="prompts.json")
    ap.add_argument("--references", default="references.npz")
    ap.add_argument("--seconds", type=float, default=80, help="of training, in each space")
    ap.add_argument("--scenes", type=int, default=60_000)
    ap.add_argument("--batch", type=int, default=384)
    ap.add_argument("--chunk", type=int, default=512)
    ap.add_argument("--workers", type=int, default=8)
    ap.add_argument("--to", default="latent_argument.json")
    o = ap.parse_args()
    context = multiprocessing.get_context("spawn")
    queue = context.Queue(24)
    workers = [context.Process(target=write_scenes, args=(o, 900 + i, queue), daemon=True) for i in range(o.workers)]
    for w in workers:
        w.start()
    _, _, device = common.setup(4)
    rows, images = E.load(o.data)
    render = Renderer(rows, images, device)
    c = torch.load(os.path.join(o.out, "autoencoder.pt"), map_location="cpu")
    vae = Autoencoder()
    vae.load_state_dict({k: v.float() for k, v in c["ema"].items()})
    vae, scale = vae.to(device, memory_format=torch.channels_last).eval(), float(c["scaling_factor"])
    latents, pixels, tokens = [], [], []
    with torch.no_grad():
        while len(latents) * o.chunk < o.scenes:
            records, ids = queue.get()
            z, small = [], []
            for i in range(0, o.chunk, 128):
                x = render(records[i:i + 128]).contiguous(memory_format=torch.channels_last)
                with torch.autocast("cuda", torch.bfloat16):
                    z.append((vae.encoder(x)[:, :4].float() * scale).bfloat16())
                small.append(F.avg_pool2d(x, 4).bfloat16())
            latents.append(torch.cat(z))
            pixels.append(torch.cat(small))
            tokens.append(torch.from_numpy(ids).to(device))
    for w in workers:
        w.terminate()
    tokenizer, tokens = Tokenizer(o.tokenizer), torch.cat(tokens)
    empty = torch.tensor(tokenizer(""), device=device)
    with open(o.prompts) as f:
        prompts = [p for p in json.load(f) if p["group"] in ("seen", "heldout_background")]
    evaluate.start(o.references)
    result = dict(device=torch.cuda.get_device_name(), torch=torch.__version__, seconds=o.seconds, batch=o.batch, steps=STEPS, prompts=len(prompts))
    spaces = [Space("latents", torch.cat(latents), tokens, empty, lambda z: vae.decoder((z / scale).contiguous(memory_format=torch.channels_last)), o, device),
              Space("pixels", torch.cat(pixels), tokens, empty, lambda x: x, o, device)]
    for s in spaces:
        r = s.train()
        side = s.bank.shape[-1]
        r["unet_call"] = s.step_cost(side, 64)
        first = [p["prompt"] for p in prompts[:64]], list(range(64))
        r["ms_per_picture"] = round(timed(lambda: s.draw(*first, tokenizer), 5) * 1000 / 64, 2)
        pictures = np.concatenate([s.draw([p["prompt"] for p in prompts[i:i + 64]], [p["seed"] for p in prompts[i:i + 64]], tokenizer)
                                   for i in range(0, len(prompts), 64)])
        r["picture"] = pictures.shape[1]
        r["measures"] = evaluate.report([evaluate.measure((a, p)) for a, p in zip(pictures, prompts)], prompts)
        result[s.name] = r
        print(s.name, json.dumps(r), flush=True)
    result["pixels_at_256"] = spaces[1].step_cost(256, 8)
    result["latents_at_256"] = spaces[0].step_cost(32, 64)
    result["times_cheaper"] = dict(gflop=round(result["pixels_at_256"]["gflop"] / result["latents_at_256"]["gflop"], 1),
                                   time=round(result["pixels_at_256"]["ms"] / result["latents_at_256"]["ms"], 1))
    print(json.dumps(result["pixels_at_256"]), json.dumps(result["times_cheaper"]), flush=True)
    with open(o.to, "w") as f:
        json.dump(result, f, indent=1)


if __name__ == "__main__":
    main()
