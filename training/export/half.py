"""An autoencoder whose activations fit float16.

Between normalisations the values of some autoencoders (SDXL's above all) grow beyond 65,504. A group normalisation undoes any
factor, if its epsilon gets the square of it: so the residual stream and the inner values are made smaller by a power of two in
the weights that write them, and nothing else changes. In float32 the result is the same to the last bits.
"""
import copy

import torch
import torch.nn as nn

from .errors import ExportError
from .layers import Downsample, ResnetBlock, Upsample
from .vae import Attention, Vae

HALF_MAX = 65504.0
MARGIN = 8.0            # measured on few inputs, so others may be larger
SIDE = 24               # of the latents that are measured


def fit_half(vae: Vae) -> Vae:
    """-> a copy that computes the same and keeps within float16 with a margin."""
    vae = copy.deepcopy(vae).float().cpu()
    latents, pictures = samples(vae.config)
    shrink(vae.decoder, factor(largest(vae.decoder, vae.decode, latents), "decoder"))
    shrink(vae.encoder, factor(largest(vae.encoder, vae.encode, pictures), "encoder"))
    return vae


def samples(c):
    """Noise, and flat ones, at the scale that the model sees."""
    generator, scale = torch.Generator().manual_seed(0), 2 ** (len(c.widths) - 1)
    flat = torch.ones(1, c.latent_channels, SIDE, SIDE) / c.scaling_factor
    noise = torch.randn(1, c.latent_channels, SIDE, SIDE, generator=generator) / c.scaling_factor
    picture = torch.rand(1, c.in_channels, SIDE * scale, SIDE * scale, generator=generator) * 2 - 1
    return [noise, flat], [picture, torch.ones_like(picture)]


@torch.no_grad()
def largest(half, call, inputs):
    """The largest magnitude of any value that a graph of this half writes down, but for normalised ones."""
    seen = [0.0]

    def watch(_, __, y):
        seen[0] = max(seen[0], float("inf") if not bool(torch.isfinite(y).all()) else float(y.abs().max()))
    kinds = (nn.Conv2d, ResnetBlock, Attention)
    hooks = [m.register_forward_hook(watch) for m in half.modules() if isinstance(m, kinds)]
    for x in inputs:
        call(x)
    for hook in hooks:
        hook.remove()
    return seen[0]


def factor(top, name):
    """The power of two that brings `top` below float16's largest number with a margin; 1 where it is."""
    if not top < 1e9:
        raise ExportError(f"vae.{name}: activations reach {top:g} in float32; the weights are broken or not an autoencoder's.")
    s = 1.0
    while top * s * MARGIN > HALF_MAX:
        s /= 2
    return s


@torch.no_grad()
def shrink(half, s):
    if s == 1:
        return
    write(half.conv_in, s)
    for m in half.modules():
        if isinstance(m, ResnetBlock):
            for norm in (m.norm1, m.norm2):
                norm.eps *= s * s
            write(m.conv1, s)
            write(m.conv2, s)
            if m.conv_shortcut is not None:
                m.conv_shortcut.bias *= s            # reads the stream, which is smaller already
        elif isinstance(m, Attention):
            m.group_norm.eps *= s * s
            write(m.to_out[0], s)
        elif isinstance(m, (Downsample, Upsample)):
            m.conv.bias *= s
    half.conv_norm_out.eps *= s * s


def write(layer, s):
    layer.weight *= s
    layer.bias *= s
