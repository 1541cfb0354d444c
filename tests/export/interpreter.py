"""Runs an exported graph node by node in torch, the fused operators included: their definitions in ONNX Runtime's
operator documentation, written down once more. Works without a GPU; slow and strict about types and shapes."""
import math

import numpy as np
import torch
import torch.nn.functional as F
from onnx import helper

DTYPES = {1: torch.float32, 7: torch.int64, 9: torch.bool, 10: torch.float16}
NUMPY = {1: np.float32, 7: np.int64, 9: np.bool_, 10: np.float16}


def run(model, inputs, folder=None, watch=None):
    """model: a ModelProto; inputs by name; folder: where external data lies; watch(node, outputs) sees every node
    -> the outputs by name."""
    values = {"": None}
    for i in model.graph.input:
        values[i.name] = inputs[i.name]
        assert inputs[i.name].dtype == DTYPES[i.type.tensor_type.elem_type], i.name
    for t in model.graph.initializer:
        values[t.name] = tensor(t, folder)
    for node in model.graph.node:
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        arguments = [values[name] for name in node.input]
        try:
            if node.op_type == "Split":
                attributes["parts"] = len(node.output)
            results = (OWN if node.domain == "imageservice" else OPERATORS)[node.op_type](attributes, *arguments)
        except Exception as e:
            shapes = [None if a is None else (a.dtype, tuple(a.shape)) for a in arguments]
            raise AssertionError(f"{node.name} of {shapes}: {e}") from e
        results = results if isinstance(results, tuple) else (results,)
        for name, result in zip(node.output, results):
            values[name] = result
        if watch:
            watch(node, [r for r in results if r is not None])
    for o in model.graph.output:
        assert values[o.name].dtype == DTYPES[o.type.tensor_type.elem_type], o.name
    return {o.name: values[o.name] for o in model.graph.output}


def tensor(t, folder):
    raw = t.raw_data
    if t.external_data:
        where = {e.key: e.value for e in t.external_data}
        with open(f"{folder}/{where['location']}", "rb") as f:
            f.seek(int(where["offset"]))
            raw = f.read(int(where["length"]))
    return torch.from_numpy(np.frombuffer(raw, NUMPY[t.data_type]).reshape(tuple(t.dims)).copy())


def same(*tensors):
    """ONNX knows no type promotion."""
    assert len({t.dtype for t in tensors}) == 1, [t.dtype for t in tensors]
    return tensors


def reshape(a, x, shape):
    assert shape.dtype == torch.int64
    return x.reshape([x.shape[i] if n == 0 else n for i, n in enumerate(shape.tolist())])


def conv(a, x, w, b=None):
    same(x, w)
    assert list(w.shape[2:]) == a["kernel_shape"] and a["group"] == 1 and a["dilations"] == [1, 1]
    top, left, bottom, right = a["pads"]
    y = F.conv2d(F.pad(x.float(), (left, right, top, bottom)), w.float(), stride=a["strides"])
    return (y if b is None else y + b.float()[:, None, None]).to(x.dtype)


def nhwc_conv(a, x, w, b=None):
    assert a["pads"][:2] == a["pads"][2:], "cuDNN pads both sides alike"
    return conv(a, x.permute(0, 3, 1, 2), w.permute(0, 3, 1, 2), b).permute(0, 2, 3, 1).contiguous()


def group_norm(a, x, gamma, beta):
    assert gamma.dtype == beta.dtype == torch.float32 and x.dim() == 4 and a["channels_last"] == 1
    assert x.shape[3] == len(gamma) == len(beta) and x.shape[3] // a["groups"] % 2 == 0
    y = F.group_norm(x.float().permute(0, 3, 1, 2), a["groups"], gamma, beta, a["epsilon"])
    return (F.silu(y) if a["activation"] else y).permute(0, 2, 3, 1).to(x.dtype).contiguous()


def skip_group_norm(a, x, gamma, beta, skip, bias=None):
    same(x, skip)
    if skip.shape != x.shape:
        assert skip.shape == (x.shape[0], x.shape[3])
        skip = skip[:, None, None]
    total = x.float() + skip.float()
    total = (total if bias is None else total + bias.float()).to(x.dtype)
    return group_norm(a, total, gamma, beta), total


def own_group_norm(a, x, gamma, beta, *more):
    """src/ImageService.Kernels/group_norm.cu."""
    more, total, written = list(more), x.float(), a["other"] or a["bias"]
    assert len(more) == a["skip"] + a["bias"] + a["other"] and x.dtype == torch.float16 and x.dim() == 4
    if a["skip"]:
        skip, = same(more.pop(0))
        written = written or skip.dim() == 4
        assert skip.shape == (x.shape if skip.dim() == 4 else (x.shape[0], x.shape[3]))
        total = total + (skip if skip.dim() == 4 else skip[:, None, None]).float()
    if a["bias"]:
        bias = more.pop(0)
        assert bias.shape == x.shape[3:]
        total = total + bias.float()
    total = total.to(x.dtype)
    if a["other"]:
        assert more[0].shape[:3] == x.shape[:3] and x.shape[3] % 8 == 0
        total = torch.cat(same(total, more[0]), 3)
    assert total.shape[3] % 8 == 0
    y = F.group_norm(total.float().permute(0, 3, 1, 2), a["groups"], gamma, beta, a["epsilon"])
    y = (F.silu(y) if a["silu"] else y).permute(0, 2, 3, 1).to(x.dtype).contiguous()
    return (y, None, total) if written else (y, None)


def own_layer_norm(a, x, gamma, beta, *more):
    assert len(more) == a["skip"] + a["bias"] and x.dtype == torch.float16
    total = (x.float() + sum(t.float() for t in same(x, *more)[1:])).to(x.dtype)
    y = layer_norm(a, total, gamma, beta)
    return (y, total) if more else y


def gated_gelu(a, x, bias):
    left, right = (x + bias).chunk(2, -1)
    assert left.shape[-1] % 8 == 0
    return left * F.gelu(right)


def instance_norm(a, x, scale, b):
    same(x, scale, b)
    return F.instance_norm(x.float(), weight=scale.float(), bias=b.float(), eps=a["epsilon"]).to(x.dtype)


def layer_norm(a, x, gamma, beta):
    same(x, gamma, beta)
    return F.layer_norm(x.float(), x.shape[-1:], gamma.float(), beta.float(), a["epsilon"]).to(x.dtype)


def skip_layer_norm(a, x, skip, gamma, beta, bias=None):
    assert x.dim() == 3 and skip.shape == x.shape
    total = x.float() + skip.float()
    total = (total if bias is None else total + bias.float()).to(x.dtype)
    return layer_norm(a, total, gamma, beta), None, None, total


def attention(a, q, k=None, v=None, bias=None):
    heads = a["num_heads"]
    if q.dim() == 5:
        assert k is None and bias is None and q.shape[2:4] == (heads, 3)
        q, k, v = (t.flatten(2) for t in q.unbind(3))
    elif k.dim() == 5:
        assert v is None and bias is None and k.shape[2:4] == (heads, 2)
        k, v = (t.flatten(2) for t in k.unbind(3))
    dtype = q.dtype
    q, k, v = (t.float() for t in same(q, k, v))
    if bias is not None:
        q, k, v = (t + b for t, b in zip((q, k, v), bias.float().split([q.shape[2], k.shape[2], v.shape[2]])))
    apart = [t.reshape(t.shape[0], t.shape[1], heads, -1).transpose(1, 2) for t in (q, k, v)]
    scores = apart[0] @ apart[1].transpose(2, 3) / math.sqrt(apart[0].shape[-1])
    if a.get("unidirectional"):
        scores = scores + torch.full(scores.shape[2:], -math.inf).triu(1)
    return (scores.softmax(-1) @ apart[2]).transpose(1, 2).flatten(2).to(dtype)


def in_type(f):
    """Computes in float32, rounds to the type of the first argument."""
    def g(a, x, *rest):
        same(x, *[r for r in rest if r is not None])
        return f(a, x.float(), *[None if r is None else r.float() for r in rest]).to(x.dtype)
    return g


def split_gelu(a, x, bias):
    assert x.dim() == 3 and x.shape[-1] // 2 in (1280, 2560, 5120)
    left, right = (x + bias).chunk(2, -1)
    return left * F.gelu(right)


def bias_add(a, x, bias, skip):
    assert x.dim() == 3 and x.shape == skip.shape and len(bias) in (320, 640, 1280)
    return x + bias + skip


def resize(a, x, roi, scales):
    assert (a["mode"], a["coordinate_transformation_mode"], a["nearest_mode"]) == (b"nearest", b"asymmetric", b"floor")
    for axis, scale in enumerate(scales.tolist()):
        x = x.repeat_interleave(int(scale), axis)
    return x


def split(a, x):
    assert x.shape[a["axis"]] % a["parts"] == 0, "parts of different size"
    return tuple(t.contiguous() for t in x.chunk(a["parts"], a["axis"]))


OWN = {"GroupNorm": own_group_norm, "LayerNorm": own_layer_norm, "GatedGelu": in_type(gated_gelu)}
OPERATORS = {
    "Conv": conv, "NhwcConv": nhwc_conv, "GroupNorm": group_norm, "SkipGroupNorm": skip_group_norm,
    "InstanceNormalization": instance_norm, "LayerNormalization": layer_norm, "SkipLayerNormalization": skip_layer_norm,
    "MultiHeadAttention": attention, "BiasSplitGelu": in_type(split_gelu), "BiasAdd": in_type(bias_add),
    "Gelu": in_type(lambda a, x: F.gelu(x)), "BiasGelu": in_type(lambda a, x, b: F.gelu(x + b)),
    "QuickGelu": in_type(lambda a, x: x * torch.sigmoid(a["alpha"] * x)),
    "MatMul": in_type(lambda a, x, y: x @ y), "Gemm": in_type(lambda a, x, y, z: x @ y + z),
    "Add": in_type(lambda a, x, y: x + y), "Sub": in_type(lambda a, x, y: x - y), "Mul": in_type(lambda a, x, y: x * y),
    "Sigmoid": in_type(lambda a, x: x.sigmoid()), "Erf": in_type(lambda a, x: x.erf()), "Relu": in_type(lambda a, x: x.relu()),
    "Sin": in_type(lambda a, x: x.sin()), "Cos": in_type(lambda a, x: x.cos()),
    "Clip": in_type(lambda a, x, low, high: x.clamp(low, high)),
    "Softmax": in_type(lambda a, x: x.softmax(a["axis"])),
    "Reshape": reshape, "Shape": lambda a, x: torch.tensor(x.shape), "Identity": lambda a, x: x,
    "Transpose": lambda a, x: x.permute(a["perm"]).contiguous(),
    "Concat": lambda a, *x: torch.cat(same(*x), a["axis"]),
    "Split": split, "Cast": lambda a, x: x.to(DTYPES[a["to"]]), "Resize": resize,
    "Gather": lambda a, x, i: x[i], "Equal": lambda a, x, y: x == y,
}
