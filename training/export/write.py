"""From a module to a model.onnx: what the command line and the benchmarks call."""
from .errors import ExportError
from .operators import Style
from .unet import UNet
from .unet_graph import unet_graph


def write_unet(model: UNet, path, target="cuda", precision="fp16", height=None, width=None, attention="separate", external=None):
    """height, width: of the picture in pixels, a multiple of 8 times 2 to the number of halvings; None leaves them free.
    The rows of a call are always free. -> path"""
    step = 8 * 2 ** (len(model.config.widths) - 1)
    graph = unet_graph(model, Style.of(target, precision, attention), *latent_size(height, width, step))
    return graph.save(path, external)


def latent_size(height, width, step, scale=8):
    if (height is None) != (width is None):
        raise ExportError("--height and --width go together: both fixed, or both free.")
    for name, value in (("height", height), ("width", width)):
        if value is not None and (value < step or value > 8192 or value % step):
            raise ExportError(f"--{name} must be a multiple of {step} from {step} to 8192, not {value}.")
    return (None, None) if height is None else (height // scale, width // scale)
