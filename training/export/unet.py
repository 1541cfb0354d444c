"""The U-Net of Stable Diffusion 1.x, 2.x and XL (diffusers' UNet2DConditionModel) in plain PyTorch."""
import math
from dataclasses import dataclass, field
from typing import List, Optional

import torch
import torch.nn as nn
import torch.nn.functional as F

from .layers import Downsample, ResnetBlock, Transformer, Upsample


@dataclass
class UNetConfig:
    """The fields of unet/config.json that decide the architecture. `heads`, `layers_per_transformer` and `attention`
    have one entry a level, from full size downwards."""
    in_channels: int = 4
    out_channels: int = 4
    widths: List[int] = field(default_factory=lambda: [320, 640, 1280, 1280])
    layers_per_block: int = 2
    attention: List[bool] = field(default_factory=lambda: [True, True, True, False])
    heads: List[int] = field(default_factory=lambda: [8, 8, 8, 8])
    layers_per_transformer: List[int] = field(default_factory=lambda: [1, 1, 1, 1])
    context_width: int = 768
    linear_projection: bool = False
    groups: int = 32
    eps: float = 1e-5
    flip_sin_to_cos: bool = True
    freq_shift: float = 0.0
    size_embedding_width: Optional[int] = None     # addition_time_embed_dim of SDXL
    added_width: Optional[int] = None              # projection_class_embeddings_input_dim of SDXL
    guidance_width: Optional[int] = None           # time_cond_proj_dim of LCM


def frequencies(width, freq_shift, device="cpu"):
    """Angular frequencies of the sinusoidal embedding (Vaswani et al. 2017, as diffusers has it): [width / 2]."""
    half = width // 2
    return torch.exp(-math.log(10000.0) * torch.arange(half, dtype=torch.float32, device=device) / (half - freq_shift))


def sinusoid(values, width, flip_sin_to_cos, freq_shift):
    """[count] -> [count, width], float32."""
    angle = values.float()[:, None] * frequencies(width, freq_shift, values.device)
    first, second = (angle.cos(), angle.sin()) if flip_sin_to_cos else (angle.sin(), angle.cos())
    return torch.cat([first, second], -1)


class Embedding(nn.Module):
    def __init__(self, width_in, width, guidance_width=None):
        super().__init__()
        self.linear_1 = nn.Linear(width_in, width)
        self.cond_proj = nn.Linear(guidance_width, width_in, bias=False) if guidance_width else None
        self.linear_2 = nn.Linear(width, width)

    def forward(self, x, guidance=None):
        if guidance is not None:
            x = x + self.cond_proj(guidance)
        return self.linear_2(F.silu(self.linear_1(x)))


class Level(nn.Module):
    """Residual blocks of one size, each followed by a transformer where the level has attention."""
    def __init__(self, c: UNetConfig, level, widths_in, time_width, sampler, last):
        super().__init__()
        width = c.widths[level]
        self.resnets = nn.ModuleList(ResnetBlock(w, width, time_width, c.groups, c.eps) for w in widths_in)
        self.attentions = nn.ModuleList(transformer(c, level) for _ in widths_in) if c.attention[level] else None
        if not last:
            setattr(self, sampler.__name__.lower() + "rs", nn.ModuleList([sampler(width)]))
        self.last = last

    def layer(self, i, x, time, context):
        x = self.resnets[i](x, time)
        return x if self.attentions is None else self.attentions[i](x, context)


class Middle(nn.Module):
    def __init__(self, c: UNetConfig, time_width):
        super().__init__()
        width = c.widths[-1]
        self.resnets = nn.ModuleList(ResnetBlock(width, width, time_width, c.groups, c.eps) for _ in range(2))
        self.attentions = nn.ModuleList([transformer(c, len(c.widths) - 1)])

    def forward(self, x, time, context):
        return self.resnets[1](self.attentions[0](self.resnets[0](x, time), context), time)


def transformer(c, level):
    width, heads = c.widths[level], c.heads[level]
    return Transformer(width, heads, width // heads, c.layers_per_transformer[level], c.context_width, c.groups, c.linear_projection)


class UNet(nn.Module):
    """sample [rows, in_channels, height, width], timestep [rows], encoder_hidden_states [rows, tokens, context_width];
    SDXL: text_embeds [rows, pooled], time_ids [rows, 6]; LCM: timestep_cond [rows, guidance_width] -> the noise or velocity."""
    def __init__(self, c: UNetConfig):
        super().__init__()
        self.config = c
        time_width, top = 4 * c.widths[0], len(c.widths) - 1
        self.conv_in = nn.Conv2d(c.in_channels, c.widths[0], 3, padding=1)
        self.time_embedding = Embedding(c.widths[0], time_width, c.guidance_width)
        self.add_embedding = Embedding(c.added_width, time_width) if c.added_width else None
        self.down_blocks, skips = nn.ModuleList(), [c.widths[0]]
        for i, width in enumerate(c.widths):
            before = c.widths[max(i - 1, 0)]
            self.down_blocks.append(Level(c, i, [before] + [width] * (c.layers_per_block - 1), time_width, Downsample, i == top))
            skips += [width] * (c.layers_per_block + (i < top))
        self.mid_block = Middle(c, time_width)
        self.up_blocks, before = nn.ModuleList(), c.widths[-1]
        for i in reversed(range(len(c.widths))):
            widths_in = [w + skips.pop() for w in [before] + [c.widths[i]] * c.layers_per_block]
            self.up_blocks.append(Level(c, i, widths_in, time_width, Upsample, i == 0))
            before = c.widths[i]
        self.conv_norm_out = nn.GroupNorm(c.groups, c.widths[0], c.eps)
        self.conv_out = nn.Conv2d(c.widths[0], c.out_channels, 3, padding=1)

    def embed(self, timestep, text_embeds, time_ids, timestep_cond, dtype):
        c = self.config
        time = self.time_embedding(sinusoid(timestep, c.widths[0], c.flip_sin_to_cos, c.freq_shift).to(dtype), timestep_cond)
        if self.add_embedding is None:
            return time
        sizes = sinusoid(time_ids.flatten(), c.size_embedding_width, c.flip_sin_to_cos, c.freq_shift)
        return time + self.add_embedding(torch.cat([text_embeds, sizes.reshape(len(time_ids), -1).to(dtype)], -1))

    def forward(self, sample, timestep, encoder_hidden_states, text_embeds=None, time_ids=None, timestep_cond=None):
        context = encoder_hidden_states
        time = self.embed(timestep, text_embeds, time_ids, timestep_cond, sample.dtype)
        x = self.conv_in(sample)
        skips = [x]
        for level in self.down_blocks:
            for i in range(len(level.resnets)):
                x = level.layer(i, x, time, context)
                skips.append(x)
            if not level.last:
                x = level.downsamplers[0](x)
                skips.append(x)
        x = self.mid_block(x, time, context)
        for level in self.up_blocks:
            for i in range(len(level.resnets)):
                x = level.layer(i, torch.cat([x, skips.pop()], 1), time, context)
            if not level.last:
                x = level.upsamplers[0](x)
        return self.conv_out(F.silu(self.conv_norm_out(x)))
