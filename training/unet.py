"""The U-Net: predicts v from noisy latents, a timestep and the text, on 32x32x4 latents for a 256x256 picture.

Three resolutions (32, 16, 8 cells for the default picture). The full resolution is pure convolution, because a
multiplication there costs 4 times one at 16x16; the weights that remember the drawings sit at 16x16 and 8x8, where
self- and cross-attention follow every residual block. Two things differ from Stable Diffusion's U-Net:
  * the cell's own coordinates go in as extra channels, so that "in the top left corner" need not be guessed from
    the padding; they are relative, so other picture sizes keep their meaning of left and right;
  * the text's last hidden state (CLIP pads with the end token, so it has seen the whole prompt) is added to the time
    embedding: background and dominant colour reach every block at once.
"""
import math

import torch
import torch.nn as nn
import torch.nn.functional as F

LATENT = 4
WIDTHS = (128, 192, 256)      # channels at full, half and quarter latent resolution
BLOCKS = (1, 2, 1)            # residual blocks on the way down; the way up has UP_BLOCKS
UP_BLOCKS = (2, 2, 1)
EMBED = 320                   # width of the time + text embedding
TEXT = 256                    # width of the text encoder's states
HEAD = 64                     # channels of an attention head
GROUPS = 16
FUSED = hasattr(F, "scaled_dot_product_attention")      # export_onnx.py switches it off: plain operators in the file


class ResBlock(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.norm1, self.conv1 = nn.GroupNorm(GROUPS, cin), nn.Conv2d(cin, cout, 3, padding=1)
        self.embed = nn.Linear(EMBED, 2 * cout)
        self.norm2, self.conv2 = nn.GroupNorm(GROUPS, cout), nn.Conv2d(cout, cout, 3, padding=1)
        self.skip = nn.Conv2d(cin, cout, 1) if cin != cout else nn.Identity()
        nn.init.zeros_(self.conv2.weight), nn.init.zeros_(self.conv2.bias)

    def forward(self, x, emb):
        h = self.conv1(F.silu(self.norm1(x)))
        scale, shift = self.embed(emb)[:, :, None, None].chunk(2, 1)
        h = self.norm2(h) * (1 + scale) + shift
        return self.skip(x) + self.conv2(F.silu(h))


def attention(q, k, v, heads):
    """q [b,n,c], k and v [b,m,c] -> [b,n,c]"""
    b, n, c = q.shape
    q, k, v = (t.reshape(b, -1, heads, c // heads).transpose(1, 2) for t in (q, k, v))
    if FUSED:
        o = F.scaled_dot_product_attention(q, k, v)
    else:
        o = (q @ k.transpose(2, 3) * (c // heads) ** -.5).softmax(-1) @ v
    return o.transpose(1, 2).reshape(b, n, c)


class Transformer(nn.Module):
    """Self-attention, attention to the text, and a feed-forward, over the cells of a feature map."""
    def __init__(self, c):
        super().__init__()
        self.heads = c // HEAD
        self.norm1, self.qkv, self.out1 = nn.LayerNorm(c), nn.Linear(c, 3 * c, bias=False), nn.Linear(c, c)
        self.norm2, self.q, self.kv = nn.LayerNorm(c), nn.Linear(c, c, bias=False), nn.Linear(TEXT, 2 * c, bias=False)
        self.out2 = nn.Linear(c, c)
        self.norm3, self.up, self.down = nn.LayerNorm(c), nn.Linear(c, 4 * c), nn.Linear(4 * c, c)
        for last in (self.out1, self.out2, self.down):
            nn.init.zeros_(last.weight), nn.init.zeros_(last.bias)

    def forward(self, x, text):
        b, c, hh, ww = x.shape
        h = x.permute(0, 2, 3, 1).reshape(b, hh * ww, c)
        h = h + self.out1(attention(*self.qkv(self.norm1(h)).chunk(3, -1), self.heads))
        h = h + self.out2(attention(self.q(self.norm2(h)), *self.kv(text).chunk(2, -1), self.heads))
        h = h + self.down(F.gelu(self.up(self.norm3(h))))
        return h.reshape(b, hh, ww, c).permute(0, 3, 1, 2)


class Stage(nn.Module):
    """A residual block and, below full resolution, the transformer after it."""
    def __init__(self, cin, cout, attend):
        super().__init__()
        self.res = ResBlock(cin, cout)
        self.attn = Transformer(cout) if attend else None

    def forward(self, x, emb, text):
        x = self.res(x, emb)
        return x if self.attn is None else self.attn(x, text)


def coordinates(x):
    """[b,_,h,w] -> [b,10,h,w]: x and y in -1..1 with their sine and cosine at two frequencies."""
    h, w = x.shape[2], x.shape[3]
    one = torch.ones_like(x[:, :1].float())
    cx = (torch.arange(w, device=x.device).float() + .5) / w * 2 - 1
    cy = (torch.arange(h, device=x.device).float() + .5) / h * 2 - 1
    p = torch.cat([one * cx, one * cy[:, None]], 1)
    return torch.cat([p] + [f(p * (math.pi * k)) for k in (1, 2) for f in (torch.sin, torch.cos)], 1)


def timestep_features(t, n=256):
    f = torch.exp(torch.arange(n // 2, device=t.device).float() * (-math.log(10000) / (n // 2)))
    a = t.float()[:, None] * f
    return torch.cat([a.cos(), a.sin()], -1)


class UNet(nn.Module):
    def __init__(self, channels=LATENT):
        super().__init__()
        w = WIDTHS
        self.time = nn.Sequential(nn.Linear(256, EMBED), nn.SiLU(), nn.Linear(EMBED, EMBED))
        self.pool = nn.Linear(TEXT, EMBED)
        self.inp = nn.Conv2d(channels + 10, w[0], 3, padding=1)
        self.down, self.shrink, self.up, self.grow = (nn.ModuleList() for _ in range(4))
        skips, c = [w[0]], w[0]
        for i, width in enumerate(w):
            stages = nn.ModuleList()
            for _ in range(BLOCKS[i]):
                stages.append(Stage(c, width, i > 0))
                c = width
                skips.append(c)
            self.down.append(stages)
            if i + 1 < len(w):
                self.shrink.append(nn.Conv2d(c, w[i + 1], 3, stride=2, padding=1))
                c = w[i + 1]
        for i in reversed(range(len(w))):
            stages = nn.ModuleList()
            for _ in range(UP_BLOCKS[i]):
                stages.append(Stage(c + skips.pop(), w[i], i > 0))
                c = w[i]
            self.up.append(stages)
            if i:
                for _ in range(BLOCKS[i] - UP_BLOCKS[i]):     # a level may use fewer skips than it made
                    skips.pop()
                self.grow.append(nn.Conv2d(c, w[i - 1], 3, padding=1))
                c = w[i - 1]
        self.norm, self.outp = nn.GroupNorm(GROUPS, c), nn.Conv2d(c, channels, 3, padding=1)
        nn.init.zeros_(self.outp.weight), nn.init.zeros_(self.outp.bias)

    def forward(self, sample, timestep, encoder_hidden_states):
        text = encoder_hidden_states
        emb = F.silu(self.time(timestep_features(timestep)) + self.pool(text[:, -1]))
        x = self.inp(torch.cat([sample, coordinates(sample).to(sample.dtype)], 1))
        skips = [x]
        for i, stages in enumerate(self.down):
            for s in stages:
                x = s(x, emb, text)
                skips.append(x)
            if i < len(self.shrink):
                x = self.shrink[i](x)
        last = len(self.up) - 1
        for i, stages in enumerate(self.up):
            for s in stages:
                x = s(torch.cat([x, skips.pop()], 1), emb, text)
            if i < last:
                level = last - i
                del skips[len(skips) - (BLOCKS[level] - UP_BLOCKS[level]):]
                x = self.grow[i](F.interpolate(x, scale_factor=2.0, mode="nearest"))
        return self.outp(F.silu(self.norm(x)))


if __name__ == "__main__":
    net = UNet()
    print(f"{sum(p.numel() for p in net.parameters()) / 1e6:.2f} M parameters",
          net(torch.randn(2, 4, 32, 32), torch.tensor([999., 1.]), torch.randn(2, 40, TEXT)).shape)
