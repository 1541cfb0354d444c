"""The operators of this project's kernels, src/ImageService.Kernels."""
import torch

from .errors import ExportError
from .pending import Joined, Pending

OWN_CHANNELS = 8                   # the kernels take multiples of this
OWN_LAYER_NORM = 2048              # and this width at most


class KernelOperators:
    """The part of `Operators` that writes them."""

    def _own_group_norm(self, x, module, silu):
        if module.num_channels % OWN_CHANNELS:
            raise ExportError(f"{self.g.name}, {self.name(module)}: {module.num_channels} channels; the kernels take multiples of {OWN_CHANNELS}. Use kernels onnxruntime.")
        first, other = x if isinstance(x, Joined) else (x, None)
        first = self._settled.get(first, first)
        value, skip, bias, _, per_row = first if isinstance(first, Pending) else Pending(first, None)
        inputs = [value, *(self.parameter(module, w, torch.float32) for w in ("weight", "bias")), *(i for i in (skip, bias, other) if i)]
        written = bool(other or bias or skip and not per_row)
        attributes = {name: int(i is not None) for name, i in (("skip", skip), ("bias", bias), ("other", other))}
        names = self.g.node("GroupNorm", *inputs, outputs=3 if written else 2, own=True, epsilon=module.eps, groups=module.num_groups, silu=int(silu), **attributes)
        if written:
            self._settled[x] = names[2]
        return names[0], names[2] if written else value if isinstance(first, str) else None

    def _own_layer_norm(self, x, affine, eps):
        value, skip, bias, *_ = x if isinstance(x, Pending) else Pending(x, None)
        names = self.g.node("LayerNorm", value, *affine, *(i for i in (skip, bias) if i), outputs=2 if skip or bias else 1, own=True, epsilon=eps,
                            skip=int(skip is not None), bias=int(bias is not None))
        if not (skip or bias):
            return names, value
        self._settled[x] = names[1]
        return names
