"""run-graph as tests/ImageService.Benchmarks has it, by the interpreter: runs graphs of target cuda without a GPU."""
import argparse
import os

import numpy as np
import onnx
import torch

import interpreter

ap = argparse.ArgumentParser()
ap.add_argument("verb", choices=["run-graph"])
for name in ("--model", "--inputs", "--outputs", "--provider"):
    ap.add_argument(name, required=True)
o = ap.parse_args()
given = {f[:-4]: torch.from_numpy(np.load(os.path.join(o.inputs, f))) for f in os.listdir(o.inputs)}
outputs = interpreter.run(onnx.load(o.model, load_external_data=False), given, os.path.dirname(o.model))
for name, value in outputs.items():
    np.save(os.path.join(o.outputs, name + ".npy"), value.numpy())
