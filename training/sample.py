"""Draws prompts with the checkpoints (no service, no ONNX): for looking and for choosing the defaults.

  python3 sample.py --out out --prompts prompts.json --to pictures.npy [--guidance 4 --rescale .7 --steps 20]
  python3 sample.py --out out --text "a red apple" "a cat and a dog" --sheet sheet.png
"""
import argparse
import json
import os

import numpy as np
import torch

import diffusion
from autoencoder import Autoencoder
from text_encoder import TextEncoder
from tokenizer import Tokenizer
from unet import UNet


class Model:
    def __init__(self, out, tokenizer=None, device=None):
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        a = torch.load(os.path.join(out, "autoencoder.pt"), map_location="cpu")
        u = torch.load(os.path.join(out, "unet.pt"), map_location="cpu")
        self.vae, self.unet, self.text = Autoencoder(), UNet(), TextEncoder()
        for net, weights in ((self.vae, a["ema"]), (self.unet, u["unet"]), (self.text, u["text"])):
            net.load_state_dict({k: v.float() for k, v in weights.items()})
            net.to(self.device, memory_format=torch.channels_last).eval()
        self.scale = float(a["scaling_factor"])
        self.tokenizer = Tokenizer(tokenizer or os.path.join(out, "tokenizer"))

    @torch.no_grad()
    def draw(self, prompts, seeds, steps=20, guidance=4.0, rescale=.7, scheduler="dpmpp_2m", size=(256, 256), batch=250):
        """-> uint8 [n,h,w,3]"""
        pictures, half = [], self.device.type == "cuda"
        for i in range(0, len(prompts), batch):
            with torch.autocast(self.device.type, torch.bfloat16, enabled=half):
                part = prompts[i:i + batch]
                n = len(part)
                ids = torch.tensor([self.tokenizer(p) for p in part] + [self.tokenizer("")] * n, device=self.device)
                states = self.text(ids)
                x = torch.stack([torch.randn(4, size[1] // 8, size[0] // 8, generator=torch.Generator().manual_seed(s))
                                 for s in seeds[i:i + batch]]).to(self.device)

                def predict(x, t):
                    both = self.unet(torch.cat([x, x]).contiguous(memory_format=torch.channels_last),
                                     torch.full((2 * n,), t, device=self.device), states).float()
                    return diffusion.guided(both[:n], both[n:], guidance, rescale)
                z = diffusion.sample(predict, x, steps, scheduler) / self.scale
                for k in range(0, n, 64):
                    y = self.vae.decoder(z[k:k + 64].contiguous(memory_format=torch.channels_last)).float()
                    pictures.append((y * 127.5 + 127.5).round().clamp(0, 255).byte().permute(0, 2, 3, 1).cpu().numpy())
        return np.concatenate(pictures)


def sheet(pictures, columns):
    n, h, w, _ = pictures.shape
    rows = -(-n // columns)
    pad = np.full((rows * columns, h, w, 3), 255, np.uint8)
    pad[:n] = pictures
    return pad.reshape(rows, columns, h, w, 3).transpose(0, 2, 1, 3, 4).reshape(rows * h, columns * w, 3)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--out", default="out")
    ap.add_argument("--prompts")
    ap.add_argument("--text", nargs="*")
    ap.add_argument("--to")
    ap.add_argument("--sheet")
    ap.add_argument("--columns", type=int, default=8)
    ap.add_argument("--steps", type=int, default=12)
    ap.add_argument("--guidance", type=float, default=3.0)
    ap.add_argument("--rescale", type=float, default=.7)
    ap.add_argument("--scheduler", default="dpmpp_2m", choices=["dpmpp_2m", "ddim"])
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--width", type=int, default=256)
    ap.add_argument("--height", type=int, default=256)
    o = ap.parse_args()
    if o.prompts:
        with open(o.prompts) as f:
            p = json.load(f)
        text, seeds = [x["prompt"] for x in p], [x["seed"] for x in p]
    else:
        text, seeds = o.text, [o.seed + i for i in range(len(o.text))]
    a = Model(o.out).draw(text, seeds, o.steps, o.guidance, o.rescale, o.scheduler, (o.width, o.height))
    if o.to:
        np.save(o.to, a)
    if o.sheet:
        from PIL import Image
        Image.fromarray(sheet(a, o.columns)).save(o.sheet)


if __name__ == "__main__":
    main()
