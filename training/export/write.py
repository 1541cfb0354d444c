"""From modules to ONNX files: what the command line and the benchmarks call."""
import os

from .clip_graph import clip_graph
from .errors import ExportError
from .half import fit_half
from .operators import Style
from .source import Source, suffix
from .unet import UNet
from .unet_graph import unet_graph
from .vae import Vae
from .vae_graph import decoder_graph, encoder_graph

LARGEST_SIDE = 8192


def write_unet(model: UNet, path, target="cuda", precision="fp16", height=None, width=None, attention="separate", external=None, kernels="onnxruntime"):
    """height, width: of the picture in pixels; None leaves them free. The rows of a call are always free. -> path"""
    size = latent_size(height, width, 8, len(model.config.widths) - 1)
    return unet_graph(model, Style.of(target, precision, attention, kernels), *size).save(path, external)


def write_decoder(model: Vae, path, target="cuda", precision="fp16", height=None, width=None, external=None):
    """As write_unet, for the half of an autoencoder that draws."""
    style = Style.of(target, precision)
    size = latent_size(height, width, 2 ** (len(model.config.widths) - 1), 0)
    return decoder_graph(fit_half(model) if precision == "fp16" else model, style, *size).save(path, external)


def write_folder(source: Source, out, target="cuda", precision="fp16", height=None, width=None, attention="separate", external=None, kernels="onnxruntime"):
    """-> the graphs' paths by part, with the module that each was made of."""
    if os.path.exists(out) and (not os.path.isdir(out) or os.listdir(out)):
        raise ExportError(f"--out {out} is there already; it must be a new or an empty folder.")
    style = Style.of(target, precision, attention, kernels)
    scale = 2 ** (len(source.vae.config.widths) - 1)
    size = latent_size(height, width, scale, len(source.unet.config.widths) - 1)
    vae = fit_half(source.vae) if precision == "fp16" else source.vae
    # Everything that can be refused is refused before the first file is written.
    graphs = {"text_encoder" + suffix(i): (clip_graph(encoder, style), encoder) for i, encoder in enumerate(source.text_encoders)}
    graphs["unet"] = unet_graph(source.unet, style, *size), source.unet
    graphs["vae_decoder"] = decoder_graph(vae, style, *size), source.vae
    graphs["vae_encoder"] = encoder_graph(vae, style, *size), source.vae
    written = {part: (graph.save(os.path.join(out, part, "model.onnx"), external), module) for part, (graph, module) in graphs.items()}
    if height is not None:
        index = source.configs["model_index.json"]
        index["imageservice_defaults"] = {**index.get("imageservice_defaults", {}), "width": width, "height": height}
    source.copy(out)
    return written


def latent_size(height, width, scale, halvings):
    if (height is None) != (width is None):
        raise ExportError("--height and --width go together: both fixed, or both free.")
    step = scale << halvings
    for name, value in (("height", height), ("width", width)):
        if value is not None and (value < step or value > LARGEST_SIDE or value % step):
            raise ExportError(f"--{name} must be a multiple of {step} from {step} to {LARGEST_SIDE}, not {value}.")
    return (None, None) if height is None else (height // scale, width // scale)
