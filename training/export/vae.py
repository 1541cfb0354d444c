"""The autoencoder of Stable Diffusion (diffusers' AutoencoderKL) in plain PyTorch."""
from dataclasses import dataclass, field
from typing import List

import torch.nn as nn
import torch.nn.functional as F

from .layers import Attention, Downsample, ResnetBlock, Upsample


@dataclass
class VaeConfig:
    """The fields of vae/config.json that decide the architecture; `widths` from full size downwards."""
    in_channels: int = 3
    out_channels: int = 3
    latent_channels: int = 4
    widths: List[int] = field(default_factory=lambda: [128, 256, 512, 512])
    layers_per_block: int = 2
    groups: int = 32
    scaling_factor: float = 0.18215
    quant_conv: bool = True
    post_quant_conv: bool = True
    mid_attention: bool = True


class ImageAttention(Attention):
    """One head over all cells, with its own normalisation."""
    def __init__(self, width, groups):
        super().__init__(width, 1, width, qkv_bias=True)
        self.group_norm = nn.GroupNorm(groups, width, 1e-6)

    def forward(self, x):
        rows, channels, height, width = x.shape
        tokens = self.group_norm(x).reshape(rows, channels, height * width).transpose(1, 2)
        return x + super().forward(tokens).transpose(1, 2).reshape(x.shape)


class Middle(nn.Module):
    def __init__(self, width, groups, attention):
        super().__init__()
        self.resnets = nn.ModuleList(ResnetBlock(width, width, 0, groups, 1e-6) for _ in range(2))
        self.attentions = nn.ModuleList([ImageAttention(width, groups)]) if attention else None

    def forward(self, x):
        x = self.resnets[0](x)
        return self.resnets[1](x if self.attentions is None else self.attentions[0](x))


class Level(nn.Module):
    def __init__(self, width_in, width, layers, groups, downsample=False, upsample=False):
        super().__init__()
        self.resnets = nn.ModuleList(ResnetBlock(width if i else width_in, width, 0, groups, 1e-6) for i in range(layers))
        self.downsamplers = nn.ModuleList([Downsample(width, padding=0)]) if downsample else None
        self.upsamplers = nn.ModuleList([Upsample(width)]) if upsample else None

    def forward(self, x):
        for resnet in self.resnets:
            x = resnet(x)
        for sampler in self.downsamplers or self.upsamplers or ():
            x = sampler(x)
        return x


class Encoder(nn.Module):
    def __init__(self, c: VaeConfig):
        super().__init__()
        w = c.widths
        self.conv_in = nn.Conv2d(c.in_channels, w[0], 3, padding=1)
        self.down_blocks = nn.ModuleList(
            Level(w[max(i - 1, 0)], w[i], c.layers_per_block, c.groups, downsample=i + 1 < len(w)) for i in range(len(w)))
        self.mid_block = Middle(w[-1], c.groups, c.mid_attention)
        self.conv_norm_out = nn.GroupNorm(c.groups, w[-1], 1e-6)
        self.conv_out = nn.Conv2d(w[-1], 2 * c.latent_channels, 3, padding=1)

    def forward(self, x):
        x = self.conv_in(x)
        for level in self.down_blocks:
            x = level(x)
        return self.conv_out(F.silu(self.conv_norm_out(self.mid_block(x))))


class Decoder(nn.Module):
    def __init__(self, c: VaeConfig):
        super().__init__()
        w = c.widths[::-1]
        self.conv_in = nn.Conv2d(c.latent_channels, w[0], 3, padding=1)
        self.mid_block = Middle(w[0], c.groups, c.mid_attention)
        self.up_blocks = nn.ModuleList(
            Level(w[max(i - 1, 0)], w[i], c.layers_per_block + 1, c.groups, upsample=i + 1 < len(w)) for i in range(len(w)))
        self.conv_norm_out = nn.GroupNorm(c.groups, w[-1], 1e-6)
        self.conv_out = nn.Conv2d(w[-1], c.out_channels, 3, padding=1)

    def forward(self, x):
        x = self.mid_block(self.conv_in(x))
        for level in self.up_blocks:
            x = level(x)
        return self.conv_out(F.silu(self.conv_norm_out(x)))


class Vae(nn.Module):
    def __init__(self, c: VaeConfig):
        super().__init__()
        self.config = c
        self.encoder = Encoder(c)
        self.decoder = Decoder(c)
        wide = 2 * c.latent_channels
        self.quant_conv = nn.Conv2d(wide, wide, 1) if c.quant_conv else None
        self.post_quant_conv = nn.Conv2d(c.latent_channels, c.latent_channels, 1) if c.post_quant_conv else None

    def encode(self, image):
        """[rows, 3, height, width] in -1..1 -> mean and log-variance [rows, 2 * latent_channels, height / 8, width / 8]."""
        x = self.encoder(image)
        return x if self.quant_conv is None else self.quant_conv(x)

    def decode(self, latent):
        """Latents divided by the scaling factor -> [rows, 3, height, width] in -1..1."""
        return self.decoder(latent if self.post_quant_conv is None else self.post_quant_conv(latent))

    def forward(self, latent):
        return self.decode(latent)
