"""The half of the GPU benchmark that needs PyTorch: models of exact architecture with random weights, and what PyTorch takes for them.

    python3 torch_half.py export --model sd15 --side 512 --out MODELS/sd15 --reference REFERENCE/sd15
    python3 torch_half.py time --model sd15 --side 512 --rows 2 4 8 --modes eager reduce-overhead --json FILE

`export` writes a model folder for the service (fused graphs, float16) and inputs with PyTorch's float32 answers to them. `time` draws the
same weights again from the same seed and times a call of the U-Net in float16, channels last, without guidance or schedulers around it.
`matmul` times an 8192 x 8192 x 8192 product in float16: the rate that everything else is a share of.
"""
import argparse
import json
import os
import sys
import time

import numpy as np
import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "training"))
from export.architectures import random_unet                # noqa: E402
from export.source import random_source                     # noqa: E402
from export.write import write_folder                       # noqa: E402

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
HALF = torch.float16 if DEVICE == "cuda" else torch.float32
TOKENS = 77


def unet_inputs(config, rows, side, dtype, seed):
    generator = torch.Generator().manual_seed(seed)

    def noise(*shape):
        return torch.randn(*shape, generator=generator).to(DEVICE, dtype)
    inputs = {"sample": noise(rows, config.in_channels, side // 8, side // 8), "timestep": torch.linspace(999, 19, rows, device=DEVICE),
              "encoder_hidden_states": noise(rows, TOKENS, config.context_width)}
    if config.added_width:
        inputs["text_embeds"] = noise(rows, config.added_width - 6 * config.size_embedding_width)
        inputs["time_ids"] = torch.tensor([[side, side, 0, 0, side, side]] * rows, dtype=torch.float32, device=DEVICE)
    return inputs


@torch.no_grad()
def export(o):
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    source = random_source(o.model, o.seed, device=DEVICE)
    write_folder(source, o.out, o.target, o.precision, o.side, o.side, o.attention, kernels=o.kernels)
    os.makedirs(o.reference, exist_ok=True)
    inputs = unet_inputs(source.unet.config, o.reference_rows, o.side, torch.float32, o.seed)
    latents = torch.randn(1, source.vae.config.latent_channels, o.side // 8, o.side // 8, generator=torch.Generator().manual_seed(o.seed)).to(DEVICE)
    picture = source.vae.decode(latents / source.vae.config.scaling_factor)[0]
    arrays = {**inputs, "out_sample": source.unet(**inputs), "latents": latents[0],
              "picture": ((picture / 2 + 0.5).clamp(0, 1) * 255).round().permute(1, 2, 0)}
    for name, value in arrays.items():
        np.save(os.path.join(o.reference, name + ".npy"), np.ascontiguousarray(value.float().cpu().numpy()))


def median_ms(call, seconds):
    """Of single calls, by the device's own clock."""
    for _ in range(3):
        call()
    if DEVICE == "cpu":
        began = time.perf_counter()
        call()
        return 1000 * (time.perf_counter() - began)
    torch.cuda.synchronize()
    times, over = [], time.perf_counter() + seconds
    while time.perf_counter() < over or len(times) < 5:
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        call()
        end.record()
        end.synchronize()
        times.append(start.elapsed_time(end))
    return float(np.median(times))


@torch.no_grad()
def time_calls(o):
    model = random_unet(o.model, o.seed, DEVICE, HALF)
    figures = []
    for mode in o.modes:
        for rows in o.rows:
            inputs = unet_inputs(model.config, rows, o.side, HALF, o.seed)
            inputs["sample"] = inputs["sample"].to(memory_format=torch.channels_last)
            torch.cuda.empty_cache()
            began = time.perf_counter()
            if mode == "eager":
                run = model
            else:
                torch._dynamo.reset()
                run = torch.compile(model, mode=mode, dynamic=False)
            try:
                run(**inputs)
                if DEVICE == "cuda":
                    torch.cuda.synchronize()
                first = time.perf_counter() - began
                figures.append({"model": o.model, "side": o.side, "rows": rows, "mode": mode, "ms": median_ms(lambda: run(**inputs), o.seconds), "first_seconds": first})
            except Exception as e:
                figures.append({"model": o.model, "side": o.side, "rows": rows, "mode": mode, "error": str(e).split("\n")[0]})
            print(figures[-1], flush=True)
            save(o.json, figures)


@torch.no_grad()
def matmul(o):
    n = o.size
    a, b = (torch.randn(n, n, device=DEVICE, dtype=HALF) for _ in range(2))
    ms = median_ms(lambda: a @ b, o.seconds)
    save(o.json, [{"matmul": n, "ms": ms, "tflops": 2 * n ** 3 / ms / 1e9}])
    print(f"matmul {n}: {ms:.3f} ms, {2 * n ** 3 / ms / 1e9:.0f} TFLOP/s", flush=True)


def save(path, figures):
    about = {"torch": torch.__version__, "device": torch.cuda.get_device_name() if DEVICE == "cuda" else "cpu", "cuda": torch.version.cuda,
             "cudnn": torch.backends.cudnn.version() if DEVICE == "cuda" else None, "figures": figures}
    with open(path, "w", encoding="utf-8") as f:
        json.dump(about, f, indent=1)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = ap.add_subparsers(dest="verb", required=True)
    for verb in ("export", "time"):
        p = verbs.add_parser(verb)
        p.add_argument("--model", choices=["sd15", "sd21", "sdxl"], required=True)
        p.add_argument("--side", type=int, required=True, help="pixels of a picture's side")
        p.add_argument("--seed", type=int, default=0)
        if verb == "export":
            p.add_argument("--out", required=True)
            p.add_argument("--reference", required=True)
            p.add_argument("--reference-rows", type=int, default=4)
            p.add_argument("--attention", choices=["separate", "packed"], default="separate")
            p.add_argument("--kernels", choices=["onnxruntime", "imageservice"], default="onnxruntime")
            p.add_argument("--target", choices=["cuda", "cpu"], default="cuda")
            p.add_argument("--precision", choices=["fp16", "fp32"], default="fp16")
        else:
            p.add_argument("--rows", type=int, nargs="+", required=True)
            p.add_argument("--modes", nargs="+", default=["eager", "reduce-overhead", "max-autotune"])
    verbs.add_parser("matmul").add_argument("--size", type=int, default=8192)
    for verb in ("time", "matmul"):
        verbs.choices[verb].add_argument("--json", required=True)
        verbs.choices[verb].add_argument("--seconds", type=float, default=2, help="of each measurement")
    o = ap.parse_args()
    {"export": export, "time": time_calls, "matmul": matmul}[o.verb](o)


if __name__ == "__main__":
    main()
