"""The operators of src/ImageService.Kernels on a GPU against their definitions, and twice for the same bytes.

    python3 tests/export/on_gpu.py --runner "PATH/ImageService.Benchmarks"

The program must be built with -p:OrtFlavor=Gpu and find libimageservice_kernels.so beside itself or by Execution__KernelLibrary.
"""
import argparse
import os
import sys
import tempfile

import interpreter
import numpy as np
import torch
from paths import REPOSITORY  # noqa: F401  (makes `export` importable)

from export.check import RUNNER, relative, run_graph
from export.graph import Graph

MOST = 2e-3                        # of the length: rounding to float16
HALF, FLOAT = torch.float16, torch.float32

# rows, height, width, channels of x, of other, groups, skip, bias, silu
NORMS = [
    (2, 64, 64, 320, 0, 32, "", False, True), (2, 64, 64, 320, 0, 32, "row", False, True), (2, 64, 64, 320, 0, 32, "image", True, True),
    (2, 64, 64, 320, 320, 32, "image", True, True), (1, 64, 64, 640, 320, 32, "", True, True), (16, 8, 8, 1280, 1280, 32, "image", True, True),
    (3, 16, 16, 1280, 640, 32, "", False, True), (2, 8, 8, 1280, 0, 32, "row", False, True), (5, 1, 1, 320, 0, 32, "", True, False),
    (1, 256, 256, 128, 0, 32, "image", True, True), (2, 7, 5, 512, 0, 32, "", False, False), (2, 9, 11, 64, 0, 8, "image", False, False),
    (1, 128, 128, 512, 0, 32, "", True, True), (2, 3, 3, 4096, 0, 32, "", False, True), (2, 32, 32, 16, 0, 4, "", False, True),
]
# rows, tokens, width, skip, bias
LAYERS = [(2, 4096, 320, True, True), (2, 1024, 640, False, True), (3, 65, 1280, True, False), (1, 1, 8, False, False), (2, 77, 2048, True, True), (5, 7, 24, False, True)]
GATES = [(2, 4096, 1280), (3, 77, 5120), (1, 1, 8)]


def build():
    """-> a graph with a node for each case, and its inputs."""
    g, inputs, generator = Graph("kernels"), {}, torch.Generator().manual_seed(1)

    def given(dtype, *shape, around=0.0):
        name = f"in{len(inputs)}"
        inputs[name] = (torch.randn(shape, generator=generator) + around).to(dtype)
        return g.input(name, dtype, list(shape))
    for i, (rows, h, w, wide, other, groups, skip, bias, silu) in enumerate(NORMS):
        channels = wide + other
        names = [given(HALF, rows, h, w, wide, around=1.5), given(FLOAT, channels, around=1.0), given(FLOAT, channels)]
        if skip:
            names.append(given(HALF, *((rows, h, w, wide) if skip == "image" else (rows, wide))))
        if bias:
            names.append(given(HALF, wide))
        if other:
            names.append(given(HALF, rows, h, w, other))
        written = bool(other or bias or skip == "image")
        y = g.node("GroupNorm", *names, outputs=3 if written else 2, own=True, epsilon=1e-5, groups=groups, silu=int(silu), skip=int(bool(skip)),
                   bias=int(bias), other=int(bool(other)))
        g.output(f"norm{i}", y[0], HALF, [rows, h, w, channels])
        if written:
            g.output(f"total{i}", y[2], HALF, [rows, h, w, channels])
    for i, (rows, tokens, width, skip, bias) in enumerate(LAYERS):
        names = [given(HALF, rows, tokens, width, around=0.7), given(HALF, width, around=1.0), given(HALF, width)]
        names += [given(HALF, rows, tokens, width)] * skip + [given(HALF, width)] * bias
        y = g.node("LayerNorm", *names, outputs=2 if skip or bias else 1, own=True, epsilon=1e-5, skip=int(skip), bias=int(bias))
        g.output(f"layer{i}", y if isinstance(y, str) else y[0], HALF, [rows, tokens, width])
        if skip or bias:
            g.output(f"sum{i}", y[1], HALF, [rows, tokens, width])
    for i, (rows, tokens, width) in enumerate(GATES):
        y = g.node("GatedGelu", given(HALF, rows, tokens, 2 * width), given(HALF, 2 * width), own=True)
        g.output(f"gate{i}", y, HALF, [rows, tokens, width])
    return g, inputs


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--runner", default=RUNNER, help="the command that runs run-graph")
    o = ap.parse_args()
    g, inputs = build()
    wanted, failed = interpreter.run(g.model(), inputs), 0
    with tempfile.TemporaryDirectory() as folder:
        path = g.save(os.path.join(folder, "kernels.onnx"))
        arrays = {k: v.numpy() for k, v in inputs.items()}
        first, second = (run_graph(path, arrays, "cuda", o.runner) for _ in range(2))
    for name, value in wanted.items():
        error, repeats = relative(first[name], value.numpy()), np.array_equal(first[name], second[name])
        good = error <= MOST and repeats
        failed += not good
        print(f"{'ok    ' if good else 'FAILED'} {name}: relative error {error:.1e}, repeats {repeats}")
    print(f"{len(wanted) - failed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
