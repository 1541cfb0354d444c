"""Small models of every family: architectures, random weights, and checkpoints of them."""
import json
import os

import torch
from paths import REPOSITORY  # noqa: F401  (makes `export` importable)

from export import safetensors
from export.architectures import build
from export.clip import ClipConfig, ClipTextModel
from export.configs import clip_json, unet_json, vae_json
from export.source import Source
from export.unet import UNet, UNetConfig
from export.vae import Vae, VaeConfig

torch.set_num_threads(1)                   # what is this small only waits for other threads

TOKENIZER = os.path.join(REPOSITORY, "models", "starter", "tokenizer")
WORDS = 4096                                # of that tokenizer; the last one but none is its end token

UNETS = {
    "sd15": UNetConfig(widths=[32, 64, 64], attention=[True, True, False], heads=[4, 4, 4], layers_per_transformer=[1, 1, 1], context_width=24, groups=8),
    "sd21": UNetConfig(widths=[32, 64, 64], attention=[True, True, False], heads=[2, 4, 4], layers_per_transformer=[1, 1, 1], context_width=32, groups=8,
                       linear_projection=True),
    "sdxl": UNetConfig(widths=[32, 64, 64], attention=[False, True, True], heads=[2, 4, 4], layers_per_transformer=[1, 2, 3], context_width=56, groups=8,
                       linear_projection=True, size_embedding_width=16, added_width=6 * 16 + 40),
    "inpaint": UNetConfig(in_channels=9, widths=[32, 64], attention=[True, False], heads=[4, 4], layers_per_transformer=[1, 1], context_width=24, groups=8),
    "lcm": UNetConfig(widths=[32, 64], attention=[True, False], heads=[4, 4], layers_per_transformer=[1, 1], context_width=24, groups=8, guidance_width=20),
}
VAE = VaeConfig(widths=[16, 32, 32, 32], layers_per_block=1, groups=8)
_CLIP = dict(vocabulary=WORDS, inner=48, layers=3, heads=4, eos=1)
TEXT_ENCODERS = {
    "sd15": [ClipConfig(width=24, **_CLIP)],
    "sd21": [ClipConfig(width=32, activation="gelu", **_CLIP)],
    "sdxl": [ClipConfig(width=24, **_CLIP), ClipConfig(width=32, activation="gelu", projection=40, **_CLIP)],
}


def unet(family, seed=1):
    return build(lambda: UNet(UNETS[family]), seed)


def vae(seed=2):
    return build(lambda: Vae(VAE), seed)


def text_encoders(family, seed=3):
    return [build(lambda c=c: ClipTextModel(c), seed + i) for i, c in enumerate(TEXT_ENCODERS[family])]


def unet_inputs(c, rows=2, height=8, width=16, seed=4):
    g = torch.Generator().manual_seed(seed)
    inputs = {"sample": torch.randn(rows, c.in_channels, height, width, generator=g), "timestep": torch.linspace(999, 20.5, rows),
              "encoder_hidden_states": torch.randn(rows, 7, c.context_width, generator=g)}
    if c.added_width:
        inputs.update(text_embeds=torch.randn(rows, c.added_width - 6 * c.size_embedding_width, generator=g),
                      time_ids=torch.tensor([[1024., 768, 0, 16, 1024, 1000]] * rows))
    if c.guidance_width:
        inputs["timestep_cond"] = torch.randn(rows, c.guidance_width, generator=g)
    return inputs


def in_type(inputs, dtype):
    """As the graphs take them: timestep and time_ids stay float32."""
    return {k: v.to(dtype) if v.is_floating_point() and k not in ("timestep", "time_ids") else v for k, v in inputs.items()}


def relative(given, wanted):
    assert given.shape == wanted.shape, (given.shape, wanted.shape)
    return float((given.double() - wanted.double()).norm() / wanted.double().norm())


def write_checkpoint(folder, family, shards=1, dtype=torch.float32, variant=""):
    """diffusers' folder format, as save_pretrained writes it."""
    encoders = text_encoders(family)
    _part(folder, "unet", unet(family), unet_json(UNETS[family], 16), "diffusion_pytorch_model", shards, dtype, variant)
    _part(folder, "vae", vae(), vae_json(VAE, 128), "diffusion_pytorch_model", 1, dtype, variant)
    index = {"_class_name": "StableDiffusionXLPipeline" if family == "sdxl" else "StableDiffusionPipeline", "unet": ["diffusers", "UNet2DConditionModel"],
             "vae": ["diffusers", "AutoencoderKL"], "scheduler": ["diffusers", "DDIMScheduler"], "safety_checker": [None, None]}
    for i, encoder in enumerate(encoders):
        name = "text_encoder" + ("_2" if i else "")
        _part(folder, name, encoder, clip_json(encoder.config), "model", 1, dtype, variant)
        index[name] = ["transformers", "CLIPTextModelWithProjection" if encoder.config.projection else "CLIPTextModel"]
        os.makedirs(os.path.join(folder, "tokenizer" + ("_2" if i else "")))
        for file in os.listdir(TOKENIZER):
            with open(os.path.join(TOKENIZER, file), "rb") as f, open(os.path.join(folder, "tokenizer" + ("_2" if i else ""), file), "wb") as to:
                to.write(f.read())
    _json(folder, "scheduler/scheduler_config.json", {"_class_name": "DDIMScheduler", "beta_start": 0.00085, "beta_end": 0.012,
                                                      "beta_schedule": "scaled_linear", "num_train_timesteps": 1000})
    _json(folder, "model_index.json", index)
    return folder


def _part(folder, name, module, config, stem, shards, dtype, variant):
    _json(folder, f"{name}/config.json", config)
    tensors = {k: v.to(dtype) for k, v in module.state_dict().items()}
    if shards == 1:
        safetensors.write(os.path.join(folder, name, f"{stem}{variant}.safetensors"), tensors)
        return
    names, where = list(tensors), {}
    for i in range(shards):
        file = f"{stem}-{i + 1:05}-of-{shards:05}.safetensors"
        part = {k: tensors[k] for k in names[i::shards]}
        safetensors.write(os.path.join(folder, name, file), part)
        where.update({k: file for k in part})
    _json(folder, f"{name}/{stem}.safetensors.index.json", {"metadata": {}, "weight_map": where})


def _json(folder, path, value):
    os.makedirs(os.path.dirname(os.path.join(folder, path)), exist_ok=True)
    with open(os.path.join(folder, path), "w", encoding="utf-8") as f:
        json.dump(value, f)


def source(family) -> Source:
    return Source(unet(family), vae(), text_encoders(family), {}, [])
