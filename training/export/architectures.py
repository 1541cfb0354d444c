"""Named architectures with random weights: for benchmarks, and for trying the export without a checkpoint."""
import contextlib

import torch

from .clip import ClipConfig, ClipTextModel
from .errors import ExportError
from .unet import UNet, UNetConfig
from .vae import Vae, VaeConfig

UNETS = {
    "sd15": UNetConfig(),
    "sd21": UNetConfig(heads=[5, 10, 20, 20], context_width=1024, linear_projection=True),
    "sdxl": UNetConfig(widths=[320, 640, 1280], attention=[False, True, True], heads=[5, 10, 20], layers_per_transformer=[1, 2, 10],
                       context_width=2048, linear_projection=True, size_embedding_width=256, added_width=2816),
}
VAES = {"sd15": VaeConfig(), "sd21": VaeConfig(), "sdxl": VaeConfig(scaling_factor=0.13025)}
_CLIP_L = ClipConfig()
TEXT_ENCODERS = {
    "sd15": [_CLIP_L],
    "sd21": [ClipConfig(width=1024, inner=4096, layers=23, heads=16, activation="gelu")],
    "sdxl": [_CLIP_L, ClipConfig(width=1280, inner=5120, layers=32, heads=20, activation="gelu", projection=1280)],
}


def build(make, seed, device="cpu", dtype=torch.float32):
    """`make()` with random weights that keep activations near unit variance, so that float16 neither overflows nor vanishes.
    Drawn on the device: the same seed gives the same weights on the same kind of device and the same version of torch."""
    generator = torch.Generator(device=device).manual_seed(seed)
    with on(device):
        model = make().to(device=device, dtype=dtype)
    with torch.no_grad():
        for name, p in model.named_parameters():
            noise = torch.randn(p.shape, generator=generator, device=device)
            if "embedding.weight" in name:
                p.copy_(noise * 0.03)
            elif p.dim() > 1:
                # Half of what keeps the variance: residual branches add up over some dozens of layers.
                p.copy_(noise * 0.5 / p[0].numel() ** 0.5)
            else:
                p.copy_(noise * 0.1 + 1 if "norm" in name and name.endswith("weight") else noise * 0.05)
    return model.eval()


def on(device):
    """Where new modules are made; torch 1.13 makes them on the CPU."""
    return torch.device(device) if hasattr(torch.device, "__enter__") else contextlib.nullcontext()


def named(table, name):
    if name not in table:
        raise ExportError(f"--random must be one of {', '.join(table)}, not {name}.")
    return table[name]


def random_unet(name, seed=0, device="cpu", dtype=torch.float32) -> UNet:
    """The U-Net of sd15, sd21 or sdxl, weights in channels_last."""
    return build(lambda: UNet(named(UNETS, name)), seed, device, dtype).to(memory_format=torch.channels_last)


def random_vae(name, seed=0, device="cpu", dtype=torch.float32) -> Vae:
    return build(lambda: Vae(named(VAES, name)), seed, device, dtype).to(memory_format=torch.channels_last)


def random_text_encoders(name, seed=0, device="cpu", dtype=torch.float32):
    return [build(lambda c=c: ClipTextModel(c), seed + i, device, dtype) for i, c in enumerate(named(TEXT_ENCODERS, name))]
