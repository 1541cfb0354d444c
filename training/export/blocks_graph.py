"""Residual and transformer blocks as ONNX: what the U-Net and the autoencoder have in common."""
from .operators import Operators
from .pending import Pending


def resnet(ops: Operators, m, x, time=None):
    """x: an image or a pending sum; time: [rows, channels] with conv1's bias in it -> a pending sum."""
    h, x = ops.group_norm(x, m.norm1, silu=True)
    h = ops.conv(h, m.conv1, bias=time is None)
    h, _ = ops.group_norm(h if time is None else ops.add_vector(h, time), m.norm2, silu=True)
    skip = x if m.conv_shortcut is None else ops.conv(x, m.conv_shortcut, bias=False)
    return Pending(ops.conv(h, m.conv2, bias=False), skip, ops.total_bias(m.conv2, m.conv_shortcut))


def transformer(ops: Operators, m, x, context):
    """x: an image or a pending sum -> a pending sum."""
    h, x = ops.group_norm(x, m.norm)
    width = m.norm.num_channels
    tokens = ops.to_tokens(h, width)
    tokens = Pending(ops.matmul(tokens, m.proj_in), None, ops.parameter(m.proj_in, "bias"), tokens=True)
    for block in m.transformer_blocks:
        tokens = transformer_block(ops, block, tokens, context)
    tokens = ops.settle(tokens)
    if not ops.nhwc:
        return Pending(ops.to_image(ops.linear(tokens, m.proj_out), x, width), x)
    tokens = ops.matmul(tokens, m.proj_out)
    return Pending(ops.to_image(tokens, x, width), x, ops.total_bias(m.proj_out))


def transformer_block(ops, m, x, context):
    """x: tokens or a pending sum of tokens -> a pending sum."""
    for norm, attention, source in ((m.norm1, m.attn1, None), (m.norm2, m.attn2, context)):
        h, x = ops.layer_norm(x, norm)
        h = ops.attention(h, source or h, attention.to_q, attention.to_k, attention.to_v, attention.heads)
        x = Pending(ops.matmul(h, attention.to_out[0]), x, ops.total_bias(attention.to_out[0]), tokens=True)
    h, x = ops.layer_norm(x, m.norm3)
    h = ops.gated_gelu(h, m.ff.net[0].proj)
    return Pending(ops.matmul(h, m.ff.net[2]), x, ops.total_bias(m.ff.net[2]), tokens=True)
