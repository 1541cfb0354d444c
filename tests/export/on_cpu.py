"""Graphs that ONNX Runtime's CPU provider runs, with inputs and what PyTorch gives for them: python3 on_cpu.py OUT

One folder each: model.onnx, inputs/*.npy, expected/*.npy. Standard operators, and the fused ones that have a CPU kernel as well.
"""
import os
import sys

import numpy as np
import tiny
import torch

from export.check import reference
from export.clip_graph import clip_graph
from export.operators import Style
from export.unet_graph import unet_graph
from export.vae_graph import decoder_graph, encoder_graph

STYLES = {"standard": Style.of("cpu", "fp32"), "fused": Style(torch.float32, frozenset({"attention", "layer_norm", "activation"}))}


def cases():
    g = torch.Generator().manual_seed(9)
    for name, style in STYLES.items():
        for family, config in tiny.UNETS.items():
            yield f"unet-{family}-{name}", "unet", unet_graph(tiny.unet(family), style), tiny.unet(family), tiny.unet_inputs(config)
        yield f"decoder-{name}", "vae_decoder", decoder_graph(tiny.vae(), style, 4, 6), tiny.vae(), {"latent_sample": torch.randn(2, 4, 4, 6, generator=g)}
        yield f"encoder-{name}", "vae_encoder", encoder_graph(tiny.vae(), style), tiny.vae(), {"sample": torch.rand(2, 3, 32, 48, generator=g) * 2 - 1}
        for family in tiny.TEXT_ENCODERS:
            for i, encoder in enumerate(tiny.text_encoders(family)):
                ids = torch.randint(2, tiny.WORDS, (2, 77), generator=g)
                ids[:, 40:] = encoder.config.eos
                yield f"text-{family}-{i}-{name}", "text_encoder", clip_graph(encoder, style), encoder, {"input_ids": ids}


def main(out):
    for name, part, graph, module, inputs in cases():
        inputs = {k: v.numpy() for k, v in inputs.items()}
        graph.save(os.path.join(out, name, "model.onnx"), external="sdxl" in name)
        for folder, values in (("inputs", inputs), ("expected", reference(part, module, inputs))):
            os.makedirs(os.path.join(out, name, folder))
            for key, value in values.items():
                np.save(os.path.join(out, name, folder, key + ".npy"), np.ascontiguousarray(value))


if __name__ == "__main__":
    main(sys.argv[1])
