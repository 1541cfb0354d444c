"""The autoencoder's two halves as ONNX."""
from .blocks_graph import resnet
from .graph import Graph
from .operators import Operators, Style
from .pending import Pending
from .vae import Vae


def decoder_graph(model: Vae, style: Style, height=None, width=None) -> Graph:
    """height, width: of the latents, where the graph shall take this size alone."""
    c, g, d = model.config, Graph("vae_decoder"), model.decoder
    ops = Operators(g, model, style, height, width)
    scale = 2 ** (len(c.widths) - 1)
    x = g.input("latent_sample", style.dtype, ["rows", c.latent_channels, height or "height", width or "width"])
    x = ops.from_nchw(x)
    if model.post_quant_conv is not None:
        x = ops.conv(x, model.post_quant_conv)
    x = middle(ops, d.mid_block, ops.sampler(x, d.conv_in))
    for level in d.up_blocks:
        for r in level.resnets:
            x = resnet(ops, r, x)
        for sampler in level.upsamplers or ():
            x = ops.upsample(ops.settle(x))
            ops.double()
            x = ops.sampler(x, sampler.conv)
    x, _ = ops.group_norm(x, d.conv_norm_out, silu=True)
    x = ops.to_nchw(ops.conv(x, d.conv_out))
    g.output("sample", x, style.dtype,
             ["rows", c.out_channels, height * scale if height else "picture_height", width * scale if width else "picture_width"])
    return g


def encoder_graph(model: Vae, style: Style, height=None, width=None) -> Graph:
    """height, width: of the latents, as for the decoder."""
    c, g, e = model.config, Graph("vae_encoder"), model.encoder
    scale = 2 ** (len(c.widths) - 1)
    pixels = (height * scale, width * scale) if height else (None, None)
    ops = Operators(g, model, style, *pixels)
    x = g.input("sample", style.dtype, ["rows", c.in_channels, pixels[0] or "picture_height", pixels[1] or "picture_width"])
    x = ops.sampler(ops.from_nchw(x), e.conv_in)
    for level in e.down_blocks:
        for r in level.resnets:
            x = resnet(ops, r, x)
        for sampler in level.downsamplers or ():
            x = ops.sampler(ops.settle(x), sampler.conv)
            ops.halve()
    x, _ = ops.group_norm(middle(ops, e.mid_block, x), e.conv_norm_out, silu=True)
    x = ops.conv(x, e.conv_out)
    if model.quant_conv is not None:
        x = ops.conv(x, model.quant_conv)
    g.output("latent_parameters", ops.to_nchw(x), style.dtype,
             ["rows", 2 * c.latent_channels, height or "height", width or "width"])
    return g


def middle(ops, m, x):
    x = resnet(ops, m.resnets[0], x)
    if m.attentions is not None:
        x = attention(ops, m.attentions[0], x)
    return resnet(ops, m.resnets[1], x)


def attention(ops, m, x):
    width = m.group_norm.num_channels
    h, x = ops.group_norm(x, m.group_norm)
    h = ops.to_tokens(h, width)
    h = ops.attention(h, h, m.to_q, m.to_k, m.to_v, m.heads)
    h = ops.matmul(h, m.to_out[0]) if ops.nhwc else ops.linear(h, m.to_out[0])
    return Pending(ops.to_image(h, x, width), x, ops.total_bias(m.to_out[0]) if ops.nhwc else None)
