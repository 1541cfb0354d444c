"""Named architectures with random weights: for benchmarks, and for trying the export without a checkpoint."""
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
    with torch.device(device) if hasattr(torch.device, "__enter__") else _Nothing():
        model = make().to(device=device, dtype=dtype)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.dim() > 1:
                # Half the usual gain: residual branches add up over some dozens of layers.
                gain = 1.0 if "embedding" in name else 0.5
                p.copy_(torch.randn(p.shape, generator=generator, device=device) * gain / (p[0].numel() ** 0.5 if gain < 1 else 50.0 if "position" in name else 30.0))
            elif "norm" in name and name.endswith("weight"):
                p.copy_(1 + 0.1 * torch.randn(p.shape, generator=generator, device=device))
            else:
                p.copy_(0.05 * torch.randn(p.shape, generator=generator, device=device))
    return model.eval()


class _Nothing:
    def __enter__(self):
        return None

    def __exit__(self, *_):
        return False


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
