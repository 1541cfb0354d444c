"""A tiny reference model, which is kept as ONNX of another exporter -> a checkpoint in diffusers' format.

    python3 golden_checkpoint.py shared/golden/tiny-sd15 shared/golden/tokenizer OUT

That exporter names most weights as the parameters they are; the rest are found by the name of the node that reads them.
"""
import json
import os
import shutil
import sys

import onnx
import torch
from onnx import numpy_helper
from paths import REPOSITORY  # noqa: F401  (makes `export` importable)

from export import safetensors


def weights(path):
    """-> tensors by parameter name"""
    graph = onnx.load(path).graph
    values = {t.name: torch.from_numpy(numpy_helper.to_array(t).copy()) for t in graph.initializer}
    for node in graph.node:                                        # equal tensors are stored once
        if node.op_type == "Identity" and node.input[0] in values:
            values[node.output[0]] = values[node.input[0]]
    found = {name[2:]: t for name, t in values.items() if name.startswith("m.")}
    for node in graph.node:
        scope = node.name.strip("/").split("/")[:-1]
        name = ".".join(scope[1:] if scope[:1] == ["m"] else scope)
        constants = [values[i] for i in node.input if i in values]
        if not constants or not name:
            continue
        if node.op_type == "MatMul":
            found.setdefault(name + ".weight", constants[0].t().contiguous())
        elif node.op_type in ("Mul", "Add") and "norm" in scope[-1]:
            found.setdefault(name + (".weight" if node.op_type == "Mul" else ".bias"), constants[0].flatten())
    return {name: t for name, t in found.items() if t.dim() and t.is_floating_point()}


def convert(source, tokenizer, out):
    parts = {"unet": ["unet"], "vae": ["vae_decoder", "vae_encoder"], "text_encoder": ["text_encoder"]}
    if os.path.isdir(os.path.join(source, "text_encoder_2")):
        parts["text_encoder_2"] = ["text_encoder_2"]
    for part, graphs in parts.items():
        os.makedirs(os.path.join(out, part))
        tensors = {}
        for graph in graphs:
            tensors.update(weights(os.path.join(source, graph, "model.onnx")))
        stem = "model" if part.startswith("text") else "diffusion_pytorch_model"
        safetensors.write(os.path.join(out, part, stem + ".safetensors"), tensors)
        shutil.copyfile(os.path.join(source, graphs[0], "config.json"), os.path.join(out, part, "config.json"))
    for name in ("tokenizer", "tokenizer_2") if "text_encoder_2" in parts else ("tokenizer",):
        shutil.copytree(tokenizer, os.path.join(out, name))
    shutil.copytree(os.path.join(source, "scheduler"), os.path.join(out, "scheduler"))
    with open(os.path.join(source, "model_index.json"), encoding="utf-8") as f:
        index = json.load(f)
    index.pop("vae_decoder"), index.pop("vae_encoder")
    index.update(unet=["diffusers", "UNet2DConditionModel"], vae=["diffusers", "AutoencoderKL"], text_encoder=["transformers", "CLIPTextModel"])
    if "text_encoder_2" in parts:
        index["text_encoder_2"] = ["transformers", "CLIPTextModelWithProjection"]
    with open(os.path.join(out, "model_index.json"), "w", encoding="utf-8") as f:
        json.dump(index, f)


if __name__ == "__main__":
    convert(*sys.argv[1:])
