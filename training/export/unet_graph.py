"""The U-Net as ONNX."""
import torch

from .blocks_graph import resnet, transformer
from .graph import Graph
from .operators import Operators, Style
from .unet import UNet, frequencies


def unet_graph(model: UNet, style: Style, height=None, width=None) -> Graph:
    """height, width: of the latents, where the graph shall take this size alone."""
    c, g = model.config, Graph("unet")
    ops = Operators(g, model, style, height, width)
    free = [height or "height", width or "width"]
    sample = g.input("sample", style.dtype, ["rows", c.in_channels, *free])
    timestep = g.input("timestep", torch.float32, ["rows"])
    context = g.input("encoder_hidden_states", style.dtype, ["rows", "tokens", c.context_width])
    times = Times(ops, model, embed(ops, model, timestep))

    x, wide = ops.sampler(ops.from_nchw(sample), model.conv_in), c.widths[0]
    skips = [(x, wide)]
    for level in model.down_blocks:
        for resnet_, attention in layers(level):
            x = layer(ops, resnet_, attention, x, times, context)
            wide = resnet_.conv2.out_channels
            skips.append((x, wide))
        if not level.last:
            x = ops.sampler(ops.settle(x), level.downsamplers[0].conv)
            ops.halve()
            skips.append((x, wide))
    first, last = model.mid_block.resnets
    x = layer(ops, first, model.mid_block.attentions[0], x, times, context)
    x = layer(ops, last, None, x, times, context)
    for level in model.up_blocks:
        for resnet_, attention in layers(level):
            skip, wide_skip = skips.pop()
            x = ops.concat(x, skip, wide, wide_skip)
            x = layer(ops, resnet_, attention, x, times, context)
            wide = resnet_.conv2.out_channels
        if not level.last:
            x = ops.upsample(ops.settle(x))
            ops.double()
            x = ops.sampler(x, level.upsamplers[0].conv)
    x, _ = ops.group_norm(x, model.conv_norm_out, silu=True)
    x = ops.to_nchw(ops.conv(x, model.conv_out))
    g.output("out_sample", x, style.dtype, ["rows", c.out_channels, *free])
    return g


def layers(level):
    return zip(level.resnets, level.attentions or [None] * len(level.resnets))


def layer(ops, resnet_, attention, x, times, context):
    x = resnet(ops, resnet_, x, times.of(resnet_))
    return x if attention is None else transformer(ops, attention, x, context)


def embed(ops, model, timestep):
    """-> [rows, 4 * widths[0]], after the activation that every residual block applies to it."""
    c, g = model.config, ops.g
    time = sinusoid(ops, timestep, c.widths[0], c)
    if c.guidance_width:
        guidance = g.input("timestep_cond", ops.style.dtype, ["rows", c.guidance_width])
        time = g.node("Add", time, ops.matmul(guidance, model.time_embedding.cond_proj))
    time = mlp(ops, time, model.time_embedding)
    if model.add_embedding is not None:
        pooled = c.added_width - 6 * c.size_embedding_width
        text = g.input("text_embeds", ops.style.dtype, ["rows", pooled])
        sizes = g.input("time_ids", torch.float32, ["rows", 6])
        sizes = sinusoid(ops, g.node("Reshape", sizes, g.ints(-1)), c.size_embedding_width, c)
        sizes = g.node("Reshape", sizes, g.ints(-1, 6 * c.size_embedding_width))
        # linear_1 of both one after another, without joining them.
        first = model.add_embedding.linear_1
        left = ops.parameter(first, "weight", change=lambda w: w[:, :pooled].t(), suffix=".text")
        right = ops.parameter(first, "weight", change=lambda w: w[:, pooled:].t(), suffix=".sizes")
        h = g.node("Gemm", text, left, ops.parameter(first, "bias"))
        h = g.node("Gemm", sizes, right, h)
        time = g.node("Add", time, ops.gemm(ops.silu(h), model.add_embedding.linear_2))
    return ops.silu(time)


def mlp(ops, x, m):
    return ops.gemm(ops.silu(ops.gemm(x, m.linear_1)), m.linear_2)


def sinusoid(ops, values, width, c):
    """[count] float32 -> [count, width] of the graph's type. The angles stay float32: float16 cannot tell 999 from 999.5."""
    g = ops.g
    f = frequencies(width, c.freq_shift)[None]
    angle = g.node("Mul", g.node("Reshape", values, g.ints(-1, 1)), g.constant(f"frequencies.{width}", f))
    both = [g.node(op, angle) for op in (("Cos", "Sin") if c.flip_sin_to_cos else ("Sin", "Cos"))]
    y = g.node("Concat", *both, axis=1)
    return y if ops.style.dtype == torch.float32 else g.node("Cast", y, to_type=ops.style.dtype)


class Times:
    """The projections of the embedded timestep, with conv1's bias in them: one product for all residual blocks of one width."""
    def __init__(self, ops, model, time):
        by_width = {}
        for block in [*model.down_blocks, model.mid_block, *model.up_blocks]:
            for r in block.resnets:
                by_width.setdefault(r.conv1.out_channels, []).append(r)
        self._of = {}
        for width, resnets in by_width.items():
            for part in (resnets[i:i + 32] for i in range(0, len(resnets), 32)):        # 32: what the CUDA kernel of Split takes
                y = ops.g.node("Gemm", time, *self._weights(ops, part))
                split = [y] if len(part) == 1 else ops.g.node("Split", y, outputs=len(part), axis=1)
                self._of.update({id(r): v for r, v in zip(part, split)})

    @staticmethod
    def _weights(ops, resnets):
        dtype, first = ops.style.dtype, resnets[0].time_emb_proj
        rows = sum(r.time_emb_proj.out_features for r in resnets)
        name = f"time_emb_proj.{first.out_features}.{ops.name(resnets[0])}"
        return (ops.g.weight(name + ".weight", lambda: torch.cat([r.time_emb_proj.weight.detach() for r in resnets]).t().to(dtype), dtype, (first.in_features, rows)),
                ops.g.weight(name + ".bias", lambda: torch.cat([r.time_emb_proj.bias.detach().float() + r.conv1.bias.detach().float() for r in resnets]).to(dtype), dtype, (rows,)))

    def of(self, resnet_):
        return self._of[id(resnet_)]
