"""What is exported: a checkpoint's parts with their configuration, or random ones of a named architecture."""
import json
import os
import shutil
from dataclasses import dataclass
from typing import Dict, List

from . import architectures
from .checkpoint import load_text_encoder, load_unet, load_vae
from .clip import ClipTextModel
from .configs import Config, clip_json, unet_json, vae_json
from .errors import ExportError
from .unet import UNet
from .vae import Vae

PIPELINES = ("StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline", "StableDiffusionInpaintPipeline", "StableDiffusionXLPipeline",
             "StableDiffusionXLImg2ImgPipeline", "StableDiffusionXLInpaintPipeline", "LatentConsistencyModelPipeline")
TOKENIZER_FILES = ("vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json")
STARTER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "models", "starter", "tokenizer")


@dataclass
class Source:
    unet: UNet
    vae: Vae
    text_encoders: List[ClipTextModel]
    configs: Dict[str, dict]              # by the path within the model's folder
    tokenizers: List[str]                 # folders

    def copy(self, out):
        """Everything that is not a graph; model_index.json last, so that a broken run leaves no folder that looks like a model."""
        for i, folder in enumerate(self.tokenizers):
            target = os.path.join(out, "tokenizer" + suffix(i))
            os.makedirs(target, exist_ok=True)
            for name in TOKENIZER_FILES:
                if os.path.isfile(os.path.join(folder, name)):
                    shutil.copyfile(os.path.join(folder, name), os.path.join(target, name))
        for path, value in sorted(self.configs.items(), key=lambda entry: entry[0] == "model_index.json"):
            os.makedirs(os.path.dirname(os.path.join(out, path)), exist_ok=True)
            with open(os.path.join(out, path), "w", encoding="utf-8") as f:
                json.dump(value, f, indent=2)
                f.write("\n")


def suffix(i):
    return "" if i == 0 else f"_{i + 1}"


def from_checkpoint(folder) -> Source:
    if not os.path.isdir(folder):
        raise ExportError(f"--checkpoint {folder} is not a folder. A single-file checkpoint must be converted to diffusers' folder format first.")
    index = Config(os.path.join(folder, "model_index.json"))
    index.expect("_class_name", *PIPELINES)
    count = 2 if os.path.isdir(os.path.join(folder, "text_encoder_2")) else 1
    configs = {"scheduler/scheduler_config.json": Config(os.path.join(folder, "scheduler", "scheduler_config.json")).values}
    encoders, tokenizers = [], []
    for i in range(count):
        name, tokenizer = "text_encoder" + suffix(i), os.path.join(folder, "tokenizer" + suffix(i))
        entry = index.values.get(name)
        kind = entry[1] if isinstance(entry, list) and len(entry) == 2 else None
        if kind not in ("CLIPTextModel", "CLIPTextModelWithProjection"):
            raise index.bad(name, 'must be ["transformers", "CLIPTextModel" or "CLIPTextModelWithProjection"]')
        for file in TOKENIZER_FILES[:2]:
            if not os.path.isfile(os.path.join(tokenizer, file)):
                raise ExportError(f"{os.path.join(tokenizer, file)} is missing.")
        encoders.append(load_text_encoder(os.path.join(folder, name), kind.endswith("WithProjection")))
        configs[f"{name}/config.json"] = Config(os.path.join(folder, name, "config.json")).values
        tokenizers.append(tokenizer)
    unet, vae = load_unet(os.path.join(folder, "unet")), load_vae(os.path.join(folder, "vae"))
    wide = sum(e.config.width for e in encoders)
    if wide != unet.config.context_width:
        raise ExportError(f"{folder}/unet/config.json: cross_attention_dim is {unet.config.context_width}, but the text encoders give {wide} numbers a token.")
    configs["unet/config.json"] = Config(os.path.join(folder, "unet", "config.json")).values
    _add_vae(configs, Config(os.path.join(folder, "vae", "config.json")).values)
    configs["model_index.json"] = _index(index.values, count)
    return Source(unet, vae, encoders, configs, tokenizers)


def random_source(name, seed, tokenizer=None, device="cpu") -> Source:
    """tokenizer: a folder; the bundled model's where it is not given. Its end token becomes the text encoders'. device: where the weights are drawn and kept."""
    unet, vae = architectures.random_unet(name, seed, device), architectures.random_vae(name, seed + 1, device)
    encoders, tokenizer, xl = architectures.random_text_encoders(name, seed + 2, device), tokenizer or STARTER, name == "sdxl"
    end = Config(os.path.join(tokenizer, "vocab.json")).number("<|endoftext|>", None)
    side = {"sd15": 64, "sd21": 96, "sdxl": 128}[name]
    configs = {"unet/config.json": unet_json(unet.config, side), "scheduler/scheduler_config.json": {
        "_class_name": "EulerDiscreteScheduler", "num_train_timesteps": 1000, "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear",
        "prediction_type": "v_prediction" if name == "sd21" else "epsilon", "timestep_spacing": "leading", "steps_offset": 1}}
    for i, encoder in enumerate(encoders):
        encoder.config.eos = end
        configs[f"text_encoder{suffix(i)}/config.json"] = clip_json(encoder.config)
    _add_vae(configs, vae_json(vae.config, 8 * side))
    index = {"_class_name": "StableDiffusionXLPipeline" if xl else "StableDiffusionPipeline", "scheduler": ["diffusers", "EulerDiscreteScheduler"]}
    configs["model_index.json"] = _index(index, len(encoders))
    return Source(unet, vae, encoders, configs, [tokenizer] * len(encoders))


def _add_vae(configs, values):
    configs["vae_decoder/config.json"] = configs["vae_encoder/config.json"] = values


def _index(values, count):
    index = {k: v for k, v in values.items() if k not in ("vae", "safety_checker", "feature_extractor", "image_encoder", "requires_safety_checker")}
    names = ["text_encoder" + suffix(i) for i in range(count)] + ["unet", "vae_decoder", "vae_encoder"]
    kinds = ["ORTModelTextEncoder"] * count + ["ORTModelUnet", "ORTModelVaeDecoder", "ORTModelVaeEncoder"]
    index.update({n: ["optimum.onnxruntime.modeling_diffusion", k] for n, k in zip(names, kinds)})
    index.update({"tokenizer" + suffix(i): ["transformers", "CLIPTokenizer"] for i in range(count)})
    return index
