"""A folder in diffusers' format -> modules with its weights."""
import json
import os

import torch
import torch.nn as nn

from . import safetensors
from .architectures import on
from .clip import ClipTextModel
from .configs import clip_config, unet_config, vae_config
from .errors import ExportError
from .unet import UNet
from .vae import Vae

# Names of the autoencoder's attention in files of 2022.
RENAMED = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
UNUSED = ("position_ids", "logit_scale")


def load_unet(folder) -> UNet:
    return _load(lambda: UNet(unet_config(os.path.join(folder, "config.json"))), folder, "diffusion_pytorch_model", lambda name: name)


def load_vae(folder) -> Vae:
    def rename(name):
        parts = name.split(".")
        return ".".join(RENAMED.get(p, p) if "attentions" in parts else p for p in parts)
    return _load(lambda: Vae(vae_config(os.path.join(folder, "config.json"))), folder, "diffusion_pytorch_model", rename)


def load_text_encoder(folder, projects) -> ClipTextModel:
    def rename(name):
        # transformers 5 leaves the prefix out.
        return name if name.startswith(("text_model.", "text_projection.")) else "text_model." + name
    return _load(lambda: ClipTextModel(clip_config(os.path.join(folder, "config.json"), projects)), folder, "model", rename)


def _load(make, folder, stem, rename):
    with on("meta"):                                              # the weights are replaced in a moment
        model = make()
    files, tensors = weight_files(folder, stem), {}
    for file in files:
        for name, tensor in safetensors.read(os.path.join(folder, file)).items():
            if not name.endswith(UNUSED):
                tensors[rename(name)] = (file, tensor)
    where = os.path.join(folder, files[0])
    for name, parameter in list(model.named_parameters()):
        if name not in tensors:
            raise ExportError(f"{where} has no {name}, which {folder}/config.json calls for.")
        file, tensor = tensors.pop(name)
        if name.endswith("weight") and tensor.numel() == parameter.numel() and tensor.dim() != parameter.dim():
            tensor = tensor.reshape(parameter.shape)              # a linear layer stored as a 1x1 convolution, or the reverse
        if tensor.shape != parameter.shape:
            raise ExportError(f"{os.path.join(folder, file)}: {name} is {list(tensor.shape)}, but {folder}/config.json calls for {list(parameter.shape)}.")
        if not tensor.is_floating_point():
            raise ExportError(f"{os.path.join(folder, file)}: {name} must be floating point, not {tensor.dtype}.")
        owner, _, leaf = name.rpartition(".")
        model.get_submodule(owner)._parameters[leaf] = nn.Parameter(tensor, requires_grad=False)
    # text_encoder_2's projection may lie in a file of a model that is used without it.
    left = [name for name in tensors if not name.startswith("text_projection.")]
    if left:
        raise ExportError(f"{os.path.join(folder, tensors[left[0]][0])} has {left[0]}, which the architecture of {folder}/config.json does not know"
                          f"{f' ({len(left)} such tensors)' if len(left) > 1 else ''}.")
    return model.eval()


def weight_files(folder, stem):
    """The files that hold the weights: float32 before float16, whole before in shards."""
    for variant in ("", ".fp16"):
        whole = f"{stem}{variant}.safetensors"
        if os.path.isfile(os.path.join(folder, whole)):
            return [whole]
        for index in (f"{stem}.safetensors.index{variant}.json", f"{stem}{variant}.safetensors.index.json"):
            path = os.path.join(folder, index)
            if os.path.isfile(path):
                return shards(path)
    unsafe = [name for name in ("", ".fp16") if os.path.isfile(os.path.join(folder, f"{stem}{name}.bin"))] or os.path.isfile(os.path.join(folder, "pytorch_model.bin"))
    raise ExportError(f"{os.path.join(folder, stem)}.safetensors is missing." + (
        " There is a .bin file, which may hold code: save the model with safe_serialization=True." if unsafe else ""))


def shards(path):
    try:
        with open(path, encoding="utf-8") as f:
            names = sorted(set(json.load(f)["weight_map"].values()))
    except (ValueError, KeyError, AttributeError) as e:
        raise ExportError(f"{path} has no weight_map.") from e
    for name in names:
        if os.path.basename(name) != name or not os.path.isfile(os.path.join(os.path.dirname(path), name)):
            raise ExportError(f"{path}: the file {name} is missing beside it.")
    return names
