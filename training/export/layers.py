"""Layers that the U-Net and the autoencoder share. Attribute names are diffusers' parameter names."""
import math

import torch
import torch.nn as nn
import torch.nn.functional as F

# Absent in torch 1.13.
sdpa = getattr(F, "scaled_dot_product_attention", None)


def attend(q, k, v, causal=False):
    """[rows, heads, tokens, head size] each -> the same."""
    if sdpa is not None:
        return sdpa(q, k, v, is_causal=causal)
    scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
    if causal:
        scores = scores + torch.full(scores.shape[-2:], -math.inf, dtype=scores.dtype, device=scores.device).triu(1)
    return scores.softmax(-1) @ v


def heads_apart(x, heads):
    return x.reshape(x.shape[0], x.shape[1], heads, -1).transpose(1, 2)


def heads_together(x):
    return x.transpose(1, 2).reshape(x.shape[0], x.shape[2], -1)


class ResnetBlock(nn.Module):
    """[rows, wide_in, height, width] and the embedded timestep [rows, time_width] -> [rows, wide_out, height, width]."""
    def __init__(self, wide_in, wide_out, time_width, groups, eps):
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, wide_in, eps)
        self.conv1 = nn.Conv2d(wide_in, wide_out, 3, padding=1)
        self.time_emb_proj = nn.Linear(time_width, wide_out) if time_width else None
        self.norm2 = nn.GroupNorm(groups, wide_out, eps)
        self.conv2 = nn.Conv2d(wide_out, wide_out, 3, padding=1)
        self.conv_shortcut = nn.Conv2d(wide_in, wide_out, 1) if wide_in != wide_out else None

    def forward(self, x, time=None):
        h = self.conv1(F.silu(self.norm1(x)))
        if self.time_emb_proj is not None:
            h = h + self.time_emb_proj(F.silu(time))[:, :, None, None]
        h = self.conv2(F.silu(self.norm2(h)))
        return h + (x if self.conv_shortcut is None else self.conv_shortcut(x))


class Downsample(nn.Module):
    """Halves height and width. The autoencoder pads right and bottom only (padding = 0)."""
    def __init__(self, width, padding=1):
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, stride=2, padding=padding)

    def forward(self, x):
        return self.conv(x if self.conv.padding[0] else F.pad(x, (0, 1, 0, 1)))


class Upsample(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x):
        return self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))


class Attention(nn.Module):
    """Self-attention, or attention to `context` where one is given. [rows, tokens, width] -> the same."""
    def __init__(self, width, heads, head_size, context_width=None, qkv_bias=False):
        super().__init__()
        inner, source = heads * head_size, context_width or width
        self.heads = heads
        self.to_q = nn.Linear(width, inner, bias=qkv_bias)
        self.to_k = nn.Linear(source, inner, bias=qkv_bias)
        self.to_v = nn.Linear(source, inner, bias=qkv_bias)
        self.to_out = nn.ModuleList([nn.Linear(inner, width)])

    def forward(self, x, context=None):
        context = x if context is None else context
        q, k, v = (heads_apart(t, self.heads) for t in (self.to_q(x), self.to_k(context), self.to_v(context)))
        return self.to_out[0](heads_together(attend(q, k, v)))


class GatedGelu(nn.Module):
    def __init__(self, width, inner):
        super().__init__()
        self.proj = nn.Linear(width, 2 * inner)

    def forward(self, x):
        x, gate = self.proj(x).chunk(2, -1)
        return x * F.gelu(gate)


class FeedForward(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.net = nn.ModuleList([GatedGelu(width, 4 * width), nn.Identity(), nn.Linear(4 * width, width)])

    def forward(self, x):
        return self.net[2](self.net[0](x))


class TransformerBlock(nn.Module):
    def __init__(self, width, heads, head_size, context_width):
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attn1 = Attention(width, heads, head_size)
        self.norm2 = nn.LayerNorm(width)
        self.attn2 = Attention(width, heads, head_size, context_width)
        self.norm3 = nn.LayerNorm(width)
        self.ff = FeedForward(width)

    def forward(self, x, context):
        x = x + self.attn1(self.norm1(x))
        x = x + self.attn2(self.norm2(x), context)
        return x + self.ff(self.norm3(x))


class Transformer(nn.Module):
    """Attention over the cells of an image and a text. [rows, width, height, width] -> the same."""
    def __init__(self, width, heads, head_size, layers, context_width, groups, linear):
        super().__init__()
        inner = heads * head_size
        self.norm = nn.GroupNorm(groups, width, 1e-6)
        self.proj_in = nn.Linear(width, inner) if linear else nn.Conv2d(width, inner, 1)
        self.transformer_blocks = nn.ModuleList(
            TransformerBlock(inner, heads, head_size, context_width) for _ in range(layers))
        self.proj_out = nn.Linear(inner, width) if linear else nn.Conv2d(inner, width, 1)
        self.linear = linear

    def forward(self, x, context):
        rows, _, height, width = x.shape
        h = self.norm(x)
        if not self.linear:
            h = self.proj_in(h)
        h = h.permute(0, 2, 3, 1).reshape(rows, height * width, -1)
        if self.linear:
            h = self.proj_in(h)
        for block in self.transformer_blocks:
            h = block(h, context)
        if self.linear:
            h = self.proj_out(h)
        h = h.reshape(rows, height, width, -1).permute(0, 3, 1, 2)
        return x + (h if self.linear else self.proj_out(h))
