"""A model folder back to checkpoints, so that training goes on from what the repository holds (float16 moving averages).

  python3 restore.py --from ../models/starter --out out

The exporter renames and transposes some weights. Which went where is found by exporting networks with random weights
and looking every array up by its values.
"""
import argparse
import io
import json
import os
import shutil

import numpy as np
import onnx
import torch
from onnx import numpy_helper

import common
import export_onnx as X
from autoencoder import Autoencoder
from text_encoder import TextEncoder
from unet import UNet


def arrays(model):
    """Weights by the name they had before export_onnx.halve"""
    return {t.name[:-5] if t.name.endswith(".fp16") else t.name: numpy_helper.to_array(t) for t in model.graph.initializer}


def restore(net, wrapped, inputs, names, path):
    """Fills `net` with the weights of the file at `path`."""
    torch.manual_seed(0)
    with torch.no_grad():
        for p in net.parameters():
            p.copy_(torch.randn_like(p))
    f = io.BytesIO()
    extra = {"dynamo": False} if int(torch.__version__.split(".")[0]) >= 2 else {}
    torch.onnx.export(wrapped.eval(), tuple(inputs.values()), f, opset_version=X.OPSET, input_names=list(inputs),
                      output_names=names, do_constant_folding=True, dynamic_axes=X.axes(inputs, names), **extra)
    probe = arrays(onnx.load_from_string(f.getvalue()))
    where = {}
    for name, a in probe.items():
        where[(a.size, float(np.abs(a).astype(np.float64).sum()))] = name
    stored = arrays(onnx.load(path))
    with torch.no_grad():
        for pname, p in net.named_parameters():
            total = float(p.abs().double().sum())
            key = min((k for k in where if k[0] == p.numel()), key=lambda k: abs(k[1] - total))
            a, b = probe[where[key]], stored[where[key]].astype(np.float32)
            turned = p.ndim == 2 and not np.array_equal(a.reshape(p.shape), p.numpy())
            shaped = lambda v: np.ascontiguousarray(v.T) if turned else v.reshape(p.shape)
            assert np.array_equal(shaped(a), p.numpy()), pname
            p.copy_(torch.from_numpy(shaped(b)))
    return net


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--from", dest="folder", default="../models/starter")
    ap.add_argument("--out", default="out")
    o = ap.parse_args()
    vae, unet, text = Autoencoder(), UNet(), TextEncoder()
    for part, net, wrapped in X.parts(vae, unet, text):
        restore(net, wrapped, *X.signature(part), os.path.join(o.folder, part, "model.onnx"))
    os.makedirs(o.out, exist_ok=True)
    with open(os.path.join(o.folder, "vae_decoder", "config.json")) as f:
        scale = json.load(f)["scaling_factor"]
    common.save(os.path.join(o.out, "autoencoder.pt"), {"ema": common.half(vae.state_dict()), "scaling_factor": scale})
    common.save(os.path.join(o.out, "unet.pt"), {"unet": common.half(unet.state_dict()), "text": common.half(text.state_dict()),
                                                  "steps": 0, "samples": 0, "seconds": 0.0})
    shutil.copytree(os.path.join(o.folder, "tokenizer"), os.path.join(o.out, "tokenizer"), dirs_exist_ok=True)


if __name__ == "__main__":
    main()
