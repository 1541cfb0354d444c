"""The layers as ONNX operators: standard ones for the CPU provider, or fused ones for the CUDA provider, ONNX Runtime's or this project's.

Images are NHWC between the fused operators and NCHW between the standard ones; tokens are [rows, tokens, width] in both.
A residual sum is not written down where it arises but passed on (`Pending`): the normalisation that follows takes it in, and with
this project's kernels also what it is joined with (`Joined`).
"""
import math
from dataclasses import dataclass
from typing import FrozenSet

import torch

from .attention_operators import AttentionOperators
from .errors import ExportError
from .graph import Graph
from .kernel_operators import OWN_CHANNELS, OWN_LAYER_NORM, KernelOperators
from .pending import Joined, Pending

# Widths for which ONNX Runtime's CUDA kernels are compiled.
SPLIT_GELU_WIDTHS = (1280, 2560, 5120)
BIAS_ADD_WIDTHS = (320, 640, 1280)

FUSED = frozenset({"image", "attention", "layer_norm", "activation", "bias"})


@dataclass
class Style:
    """Which operators a graph may use.

    fused: "image" (NHWC: NhwcConv, GroupNorm, SkipGroupNorm), "attention" (MultiHeadAttention), "layer_norm"
    (SkipLayerNormalization), "activation" (BiasSplitGelu, QuickGelu, BiasGelu), "bias" (BiasAdd).
    attention: "separate" (q, k and v from a product each) or "packed" (one product, interleaved by head).
    own: GroupNorm, LayerNorm and GatedGelu of this project's kernels (src/ImageService.Kernels) in place of GroupNorm, SkipGroupNorm, SkipLayerNormalization,
    BiasAdd, Concat and BiasSplitGelu."""
    dtype: torch.dtype
    fused: FrozenSet[str]
    attention: str = "separate"
    own: bool = False

    @staticmethod
    def of(target, precision, attention="separate", kernels="onnxruntime"):
        if target not in ("cuda", "cpu"):
            raise ExportError(f"target must be cuda or cpu, not {target}.")
        if precision not in ("fp16", "fp32"):
            raise ExportError(f"precision must be fp16 or fp32, not {precision}.")
        if attention not in ("separate", "packed"):
            raise ExportError(f"attention must be separate or packed, not {attention}.")
        if target == "cpu" and precision == "fp16":
            raise ExportError("precision must be fp32 with target cpu: the CPU provider computes in float32.")
        if kernels not in ("onnxruntime", "imageservice"):
            raise ExportError(f"kernels must be onnxruntime or imageservice, not {kernels}.")
        if kernels == "imageservice" and (target, precision) != ("cuda", "fp16"):
            raise ExportError("kernels imageservice are for target cuda with precision fp16.")
        return Style(torch.float16 if precision == "fp16" else torch.float32, FUSED if target == "cuda" else frozenset(), attention, kernels == "imageservice")


class Operators(AttentionOperators, KernelOperators):
    """Writes layers of `model` into a graph; weights get the model's parameter names."""

    def __init__(self, graph: Graph, model, style: Style, height=None, width=None):
        """height, width: of the images at first, where the graph shall take this size alone."""
        self.g, self.style = graph, style
        self.nhwc = "image" in style.fused
        self._names = {id(m): name for name, m in model.named_modules()}
        self._height, self._width, self._level = height, width, 0
        self._shapes, self._settled = {}, {}

    def name(self, module):
        return self._names[id(module)]

    # Weights

    def parameter(self, module, which, dtype=None, change=None, suffix=""):
        """`change` rearranges the tensor for its operator."""
        tensor, dtype = getattr(module, which), dtype or self.style.dtype
        shape = tensor.shape if change is None else change(torch.empty(tensor.shape, device="meta")).shape
        return self.g.weight(f"{self.name(module)}.{which}{suffix}",
                             lambda: tensor.to(dtype) if change is None else change(tensor.detach()).to(dtype), dtype, shape)

    def joined_bias(self, modules):
        """Their biases one after another."""
        biases, dtype = [m.bias for m in modules], self.style.dtype
        name = "+".join([f"{self.name(modules[0])}.bias"] + [self.name(m).split(".")[-1] for m in modules[1:]])
        return self.g.weight(name, lambda: torch.cat([b.detach().to(dtype) for b in biases]), dtype, (sum(len(b) for b in biases),))

    def total_bias(self, *modules):
        """The sum of their biases, added up in float32."""
        given = [m for m in modules if m is not None and m.bias is not None]
        biases, name = [m.bias for m in given], "+".join(map(self.name, given)) + ".bias"
        return self.g.weight(name, lambda: sum(b.detach().float() for b in biases).to(self.style.dtype), self.style.dtype, biases[0].shape)

    # Images

    def sampler(self, x, module):
        """A convolution whose result is normalised next -> an image, or a pending sum."""
        return Pending(self.conv(x, module, bias=False), None, self.parameter(module, "bias")) if self.style.own else self.conv(x, module)

    def conv(self, x, module, bias=True):
        """x: an image. Without `bias` it is left to whoever takes the result."""
        pad, stride, k = module.padding[0], module.stride[0], module.kernel_size[0]
        if self.nhwc and k == 1:
            # The same product, without a search for a convolution algorithm.
            y = self.g.node("MatMul", x, self.parameter(module, "weight", change=lambda w: w[:, :, 0, 0].t()))
            return self.g.node("Add", y, self.parameter(module, "bias")) if bias else y
        pads = [pad] * 4
        change = None
        if stride == 2 and pad == 0:
            # cuDNN pads both sides alike: a kernel that is one wider, with nothing in its first row and column.
            k, pads = (4, [1] * 4) if self.nhwc else (k, [0, 0, 1, 1])
        if self.nhwc:
            change = lambda w: torch.nn.functional.pad(w, (k - w.shape[3], 0, k - w.shape[2], 0)).permute(0, 2, 3, 1)
        inputs = [x, self.parameter(module, "weight", change=change)] + ([self.parameter(module, "bias")] if bias else [])
        return self.g.node("NhwcConv" if self.nhwc else "Conv", *inputs, contrib=self.nhwc, kernel_shape=[k, k], strides=[stride] * 2,
                           pads=pads, dilations=[1, 1], group=1)

    def group_norm(self, x, module, silu=False):
        """x: an image, a pending sum of images or a junction -> (normalised, x written down; None for a sum with a vector, which nobody asks for again)."""
        groups, eps = module.num_groups, module.eps
        x = self._settled.get(x, x)
        if self.style.own:
            return self._own_group_norm(x, module, silu)
        if self.nhwc:
            if module.num_channels // groups % 2:
                raise ExportError(f"{self.g.name}, {self.name(module)}: {module.num_channels} channels in {groups} groups; "
                                  "the CUDA kernel needs an even number of channels a group. Use target cpu.")
            affine = [self.parameter(module, w, torch.float32) for w in ("weight", "bias")]
            attributes = {"epsilon": eps, "groups": groups, "activation": int(silu), "channels_last": 1, "contrib": True}
            if not isinstance(x, Pending):
                return self.g.node("GroupNorm", x, *affine, **attributes), x
            inputs = [x.value, *affine, x.skip] + ([x.bias] if x.bias else [])
            y, total = self.g.node("SkipGroupNorm", *inputs, outputs=2, **attributes)
            self._settled[x] = total
            return y, total
        x = self.settle(x)
        g = self.g
        ones, zeros = g.constant(f"ones.{groups}", torch.ones(groups, dtype=self.style.dtype)), g.constant(f"zeros.{groups}", torch.zeros(groups, dtype=self.style.dtype))
        y = g.node("InstanceNormalization", g.node("Reshape", x, g.ints(0, groups, -1)), ones, zeros, epsilon=eps)
        y = g.node("Reshape", y, self.shape(x))
        for op, which in (("Mul", "weight"), ("Add", "bias")):
            y = g.node(op, y, self.parameter(module, which, change=lambda w: w[:, None, None]))
        return (self.silu(y) if silu else y), x

    def settle(self, x):
        """Writes a pending sum down, if nothing has done so yet."""
        if isinstance(x, Pending) and x not in self._settled:
            self._settled[x] = self._add_up(x)
        return self._settled.get(x, x)

    def _add_up(self, x):
        maker, value = self.g.made_by[x.value], x.value
        if x.bias and maker.op_type in ("Conv", "NhwcConv") and len(maker.input) == 2:
            maker.input.append(x.bias)
        elif x.bias and x.skip and "bias" in self.style.fused and self.width(x.bias) in BIAS_ADD_WIDTHS:
            return self._bias_add(x)
        elif x.bias:
            value = self.g.node("Add", value, x.bias)
        return self.g.node("Add", value, x.skip) if x.skip else value

    def _bias_add(self, x):
        if x.tokens:
            return self.g.node("BiasAdd", x.value, x.bias, x.skip, contrib=True)
        width = self.width(x.bias)
        value, skip = (self.to_tokens(v, width) for v in (x.value, x.skip))
        return self.to_image(self.g.node("BiasAdd", value, x.bias, skip, contrib=True), x.skip, width)

    def width(self, bias):
        return self.g.weights[bias][2][0]

    def add_vector(self, image, vector):
        """[rows, channels] to every cell, taken in by the normalisation that follows where it can."""
        if self.nhwc:
            return Pending(image, vector, per_row=True)
        return self.g.node("Add", image, self.g.node("Reshape", vector, self.g.ints(0, -1, 1, 1)))

    def concat(self, a, b, wide_a, wide_b):
        """Channels of a, then of b; images or pending sums. On CUDA only parts of one size are joined without copies from the host, which a captured
        graph would repeat from memory that is no longer theirs: the wider one is cut into equal parts first."""
        if self.style.own:
            return Joined(a, self.settle(b))
        a, b = self.settle(a), self.settle(b)
        if not self.nhwc:
            return self.g.node("Concat", a, b, axis=1)
        part, pieces = math.gcd(wide_a, wide_b), []
        for x, wide in ((a, wide_a), (b, wide_b)):
            pieces += [x] if wide == part else self.g.node("Split", x, outputs=wide // part, axis=3)
        if len(pieces) > 32:
            raise ExportError(f"{wide_a} and {wide_b} channels are joined in {len(pieces)} parts; the CUDA kernel takes 32. Use target cpu.")
        return self.g.node("Concat", *pieces, axis=3)

    def upsample(self, x):
        scales = torch.tensor([1., 2., 2., 1.] if self.nhwc else [1., 1., 2., 2.])
        return self.g.node("Resize", x, None, self.g.constant("scales", scales), mode="nearest",
                           coordinate_transformation_mode="asymmetric", nearest_mode="floor")

    def from_nchw(self, x):
        return self.g.node("Transpose", x, perm=[0, 2, 3, 1]) if self.nhwc else x

    def to_nchw(self, x):
        return self.g.node("Transpose", x, perm=[0, 3, 1, 2]) if self.nhwc else x

    def halve(self):
        self._level += 1

    def double(self):
        self._level -= 1

    def size_of(self, image, channels):
        """The shape for a Reshape to images of the present level."""
        if self._height:
            h, w = self._height * 2 ** -self._level, self._width * 2 ** -self._level
            return self.g.ints(*((-1, int(h), int(w), channels) if self.nhwc else (-1, channels, int(h), int(w))))
        return self.shape(image, (self._level, channels))

    def shape(self, x, key=None):
        """The one thing read from a shape: it goes straight into a Reshape, so nothing is computed on the host."""
        if (key or x) not in self._shapes:
            self._shapes[key or x] = self.g.node("Shape", x)
        return self._shapes[key or x]

    def to_tokens(self, image, channels):
        if self.nhwc:
            return self.g.node("Reshape", image, self.g.ints(0, -1, channels))
        return self.g.node("Transpose", self.g.node("Reshape", image, self.g.ints(0, channels, -1)), perm=[0, 2, 1])

    def to_image(self, tokens, like, channels):
        """`like`: an image with the channels and the size that the result has."""
        if not self.nhwc:
            tokens = self.g.node("Transpose", tokens, perm=[0, 2, 1])
        return self.g.node("Reshape", tokens, self.size_of(like, channels))

    # Tokens and vectors

    def matmul(self, x, module):
        """Without the bias. A 1x1 convolution counts as a linear layer."""
        flat = (lambda w: w.flatten(1).t())
        return self.g.node("MatMul", x, self.parameter(module, "weight", change=flat))

    def linear(self, x, module):
        y = self.matmul(x, module)
        return y if module.bias is None else self.g.node("Add", y, self.parameter(module, "bias"))

    def gemm(self, x, module, plus=None):
        """x: [rows, width]. `plus`: what is added in place of the bias."""
        return self.g.node("Gemm", x, self.parameter(module, "weight", change=lambda w: w.t()), plus or self.parameter(module, "bias"))

    def silu(self, x):
        return self.g.node("Mul", x, self.g.node("Sigmoid", x))

    def layer_norm(self, x, module):
        """x: tokens or a pending sum of tokens -> (normalised, x written down)."""
        affine = [self.parameter(module, w) for w in ("weight", "bias")]
        x, width = self._settled.get(x, x), module.normalized_shape[0]
        if self.style.own and width % OWN_CHANNELS == 0 and width <= OWN_LAYER_NORM:
            return self._own_layer_norm(x, affine, module.eps)
        if isinstance(x, Pending) and x.skip and "layer_norm" in self.style.fused:
            y, _, _, total = self._skip_layer_norm(x, affine, module.eps)
            return y, total
        x = self.settle(x)
        return self.g.node("LayerNormalization", x, *affine, axis=-1, epsilon=module.eps), x

    def _skip_layer_norm(self, x, affine, eps):
        names = self.g.node("SkipLayerNormalization", x.value, x.skip, *affine, *([x.bias] if x.bias else []), outputs=4, contrib=True, epsilon=eps)
        node = self.g.nodes[-1]
        node.output[1] = node.output[2] = ""          # mean and deviation, which nobody asks for
        return names

    def scalar(self, value, dtype=None):
        dtype = dtype or self.style.dtype
        return self.g.constant(f"scalar.{value}.{str(dtype).split('.')[-1]}", torch.tensor(value, dtype=dtype))

    def gated_gelu(self, x, module):
        """diffusers' GEGLU: the left half of the projection times GELU of the right half."""
        y, half = self.matmul(x, module), module.out_features // 2
        if self.style.own and half % OWN_CHANNELS == 0:
            return self.g.node("GatedGelu", y, self.parameter(module, "bias"), own=True)
        if "activation" in self.style.fused and half in SPLIT_GELU_WIDTHS:
            return self.g.node("BiasSplitGelu", y, self.parameter(module, "bias"), contrib=True)
        left, right = self.g.node("Split", self.g.node("Add", y, self.parameter(module, "bias")), outputs=2, axis=-1)
        return self.g.node("Mul", left, self.gelu(right))

    def gelu(self, x):
        """The exact one, by the error function."""
        if "activation" in self.style.fused:
            return self.g.node("Gelu", x, contrib=True)
        wide = self.g.node("Add", self.g.node("Erf", self.g.node("Mul", x, self.scalar(math.sqrt(0.5)))), self.scalar(1.0))
        return self.g.node("Mul", self.g.node("Mul", x, wide), self.scalar(0.5))

    def biased_gelu(self, x, module):
        """GELU of x and the module's bias."""
        if "activation" in self.style.fused:
            return self.g.node("BiasGelu", x, self.parameter(module, "bias"), contrib=True)
        return self.gelu(self.g.node("Add", x, self.parameter(module, "bias")))

    def quick_gelu(self, x):
        if "activation" in self.style.fused:
            return self.g.node("QuickGelu", x, contrib=True, alpha=1.702)
        return self.g.node("Mul", x, self.g.node("Sigmoid", self.g.node("Mul", x, self.scalar(1.702))))
