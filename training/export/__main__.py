import argparse
import os
import sys

if not __package__:                     # python3 training/export/__main__.py
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
    __package__ = "export"

from .check import check                # noqa: E402
from .errors import ExportError         # noqa: E402
from .source import from_checkpoint, random_source      # noqa: E402
from .write import write_folder         # noqa: E402


def arguments(given):
    ap = argparse.ArgumentParser(prog="python3 -m training.export", description="A checkpoint of Stable Diffusion 1.x, 2.x or XL in diffusers' folder format "
                                 "(safetensors) becomes a model folder for ImageService.")
    what = ap.add_mutually_exclusive_group(required=True)
    what.add_argument("--checkpoint", metavar="DIR", help="a folder with model_index.json, unet/, vae/, text_encoder/, tokenizer/, scheduler/")
    what.add_argument("--random", choices=["sd15", "sd21", "sdxl"], help="random weights of this architecture, for benchmarks")
    ap.add_argument("--seed", type=int, default=0, help="of the random weights (default 0)")
    ap.add_argument("--tokenizer", metavar="DIR", help="for --random: vocab.json and merges.txt; default: the bundled model's")
    ap.add_argument("--out", metavar="DIR", required=True, help="a new or empty folder; its name becomes the model's id")
    ap.add_argument("--target", choices=["cuda", "cpu"], default="cuda", help="cuda: ONNX Runtime's fused operators in NHWC; cpu: standard operators (default cuda)")
    ap.add_argument("--precision", choices=["fp16", "fp32"], help="default fp16 for cuda, fp32 for cpu (which takes no other)")
    ap.add_argument("--height", type=int, help="of the only picture size the graphs shall take, in pixels; default: any")
    ap.add_argument("--width", type=int)
    ap.add_argument("--attention", choices=["separate", "packed"], default="separate", help="q, k, v from a product each, or from one (cuda only)")
    ap.add_argument("--kernels", choices=["onnxruntime", "imageservice"], default="onnxruntime", help="imageservice: also this project's CUDA operators, which repeat to "
                    "the byte and are faster; the service then needs their library (src/ImageService.Kernels; cuda with fp16 only)")
    ap.add_argument("--external-data", action="store_true", help="weights beside every model.onnx; always so above 2 GB")
    ap.add_argument("--check", action="store_true", help="compare every graph with PyTorch on random inputs")
    ap.add_argument("--provider", choices=["cpu", "cuda"], help="for --check; default: the target")
    ap.add_argument("--runner", help="for --check: the command that runs run-graph; default: Python's onnxruntime, else dotnet run of tests/ImageService.Benchmarks")
    return ap.parse_args(given)


def main(given=None):
    o = arguments(given)
    precision = o.precision or ("fp16" if o.target == "cuda" else "fp32")
    try:
        if o.checkpoint and o.tokenizer:
            raise ExportError("--tokenizer goes with --random; a checkpoint has its own.")
        source = from_checkpoint(o.checkpoint) if o.checkpoint else random_source(o.random, o.seed, o.tokenizer)
        written = write_folder(source, o.out, o.target, precision, o.height, o.width, o.attention, True if o.external_data else None, o.kernels)
        for path, _ in written.values():
            print(path)
        if o.check:
            check(written, precision, o.provider or o.target, o.runner, o.seed)
    except (ExportError, OSError) as e:
        print(f"export: {e}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
