"""Checkpoints -> a model folder in diffusers' ONNX layout (what the service reads).

  python3 export_onnx.py --autoencoder out/autoencoder.pt --unet out/unet.pt --tokenizer out/tokenizer --to ../models/starter

Weights are stored as float16 and cast to float32 when the file is loaded: half the bytes in the repository, float32
arithmetic on the processor. (ONNX Runtime folds the casts away while it loads.) No file is larger than 16 MB.
Needs torch (1.13 or later; the TorchScript exporter) and onnx.
"""
import argparse
import json
import os
import shutil

import numpy as np
import onnx
import torch
import torch.nn as nn
from onnx import TensorProto, helper, numpy_helper

import autoencoder as A
import text_encoder as T
import unet as U

OPSET = 17
U.FUSED = False
PIECE = 15_900_000            # bytes of one weights file at most
EMBED_BELOW = 15_000_000      # weights smaller than this live inside model.onnx


class TextExport(nn.Module):
    """CLIPTextModel's outputs: last_hidden_state, pooler_output (the state at the first end token), hidden_states.*"""
    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, input_ids):
        states = self.net.states(input_ids)
        last = self.net.norm(states[-1])
        at = (input_ids == T.EOS).int().argmax(1)
        pooled = last.gather(1, at[:, None, None].expand(-1, 1, T.WIDTH))[:, 0]
        return (last, pooled, *states)


class LatentExport(nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, sample):
        mean, logvar = self.net(sample).chunk(2, 1)
        return torch.cat([mean, logvar.clamp(-30, 20)], 1)


def parts(vae, unet, text):
    """Folder, network, and what is exported of it"""
    return (("text_encoder", text, TextExport(text)), ("unet", unet, unet),
            ("vae_decoder", vae.decoder, vae.decoder), ("vae_encoder", vae.encoder, LatentExport(vae.encoder)))


def signature(part):
    """-> example inputs by name, names of outputs"""
    if part == "text_encoder":
        return ({"input_ids": torch.full((2, T.LENGTH), T.EOS, dtype=torch.long)},
                ["last_hidden_state", "pooler_output"] + [f"hidden_states.{i}" for i in range(T.LAYERS + 1)])
    if part == "unet":
        return ({"sample": torch.randn(2, 4, 32, 32), "timestep": torch.tensor([999., 500.]),
                 "encoder_hidden_states": torch.randn(2, T.LENGTH, T.WIDTH)}, ["out_sample"])
    if part == "vae_decoder":
        return {"latent_sample": torch.randn(1, 4, 32, 32)}, ["sample"]
    return {"sample": torch.randn(1, 3, 256, 256)}, ["latent_parameters"]


def axes(inputs, outputs):
    """Batch is free everywhere, and so are the sides of pictures and the length of the text the U-Net reads."""
    free = {name: {0: "batch_size"} for name in [*inputs, *outputs]}
    for name in free:
        if name in ("sample", "out_sample", "latent_sample", "latent_parameters"):
            free[name].update({2: "height", 3: "width"})
    if "encoder_hidden_states" in free:
        free["encoder_hidden_states"][1] = "sequence_length"
    return free


def export(net, folder, inputs, outputs):
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "model.onnx")
    extra = {"dynamo": False} if int(torch.__version__.split(".")[0]) >= 2 else {}
    torch.onnx.export(net.eval().float().cpu(), tuple(inputs.values()), path, opset_version=OPSET,
                      input_names=list(inputs), output_names=outputs, dynamic_axes=axes(inputs, outputs),
                      do_constant_folding=True, **extra)
    model = onnx.load(path)
    halve(model)
    split(model, folder)
    onnx.checker.check_model(path)


def halve(model):
    """float32 initializers of more than a few numbers -> float16 + Cast, under the old name"""
    g, casts = model.graph, []
    for t in g.initializer:
        if t.data_type == TensorProto.FLOAT and np.prod(t.dims) >= 64:
            a = numpy_helper.to_array(t).astype(np.float16)
            assert np.isfinite(a).all(), t.name
            name = t.name
            t.CopyFrom(numpy_helper.from_array(a, name + ".fp16"))
            casts.append(helper.make_node("Cast", [name + ".fp16"], [name], name=f"cast.{name}", to=TensorProto.FLOAT))
    nodes = casts + list(g.node)
    del g.node[:]
    g.node.extend(nodes)
    del g.value_info[:]


def split(model, folder):
    """Large weights go to weights.N.bin beside model.onnx, none larger than PIECE."""
    for old in os.listdir(folder):
        if old.startswith("weights."):
            os.remove(os.path.join(folder, old))
    large = [t for t in model.graph.initializer if len(t.raw_data) >= 1024]
    if sum(len(t.raw_data) for t in large) >= EMBED_BELOW:
        n, size, f = -1, PIECE, None
        for t in large:
            if size + len(t.raw_data) > PIECE:
                n, size = n + 1, 0
                f = open(os.path.join(folder, f"weights.{n}.bin"), "wb")
            f.write(t.raw_data)
            for k, v in (("location", f"weights.{n}.bin"), ("offset", size), ("length", len(t.raw_data))):
                t.external_data.add(key=k, value=str(v))
            size += len(t.raw_data)
            t.data_location = TensorProto.EXTERNAL
            t.ClearField("raw_data")
            f.flush()
    with open(os.path.join(folder, "model.onnx"), "wb") as f:
        f.write(model.SerializeToString())


def write(folder, name, value):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "w") as f:
        json.dump(value, f, indent=1)
        f.write("\n")


def configs(to, scaling, defaults):
    write(to, "model_index.json", {
        "_class_name": "StableDiffusionPipeline", "_diffusers_version": "0.30.0",
        "scheduler": ["diffusers", "DDIMScheduler"], "tokenizer": ["transformers", "CLIPTokenizer"],
        "text_encoder": ["optimum.onnxruntime.modeling_diffusion", "ORTModelTextEncoder"],
        "unet": ["optimum.onnxruntime.modeling_diffusion", "ORTModelUnet"],
        "vae_decoder": ["optimum.onnxruntime.modeling_diffusion", "ORTModelVaeDecoder"],
        "vae_encoder": ["optimum.onnxruntime.modeling_diffusion", "ORTModelVaeEncoder"],
        "imageservice_defaults": defaults})
    write(os.path.join(to, "scheduler"), "scheduler_config.json", {
        "_class_name": "DDIMScheduler", "_diffusers_version": "0.30.0", "num_train_timesteps": 1000,
        "beta_start": .00085, "beta_end": .012, "beta_schedule": "scaled_linear", "prediction_type": "v_prediction",
        "rescale_betas_zero_snr": True, "timestep_spacing": "trailing", "set_alpha_to_one": True, "steps_offset": 0,
        "clip_sample": False, "thresholding": False})
    write(os.path.join(to, "text_encoder"), "config.json", {
        "model_type": "clip_text_model", "hidden_size": T.WIDTH, "intermediate_size": 4 * T.WIDTH,
        "num_hidden_layers": T.LAYERS, "num_attention_heads": T.HEADS, "hidden_act": "quick_gelu",
        "layer_norm_eps": 1e-5, "max_position_embeddings": T.LENGTH, "vocab_size": T.VOCAB, "projection_dim": T.WIDTH,
        "bos_token_id": T.BOS, "eos_token_id": T.EOS, "pad_token_id": T.EOS})
    write(os.path.join(to, "unet"), "config.json", {
        "_class_name": "UNet2DConditionModel", "sample_size": 32, "in_channels": 4, "out_channels": 4,
        "block_out_channels": list(U.WIDTHS), "layers_per_block": 1,
        "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
        "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
        "mid_block_type": None, "cross_attention_dim": U.TEXT, "attention_head_dim": U.HEAD, "act_fn": "silu",
        "norm_num_groups": U.GROUPS, "norm_eps": 1e-5, "flip_sin_to_cos": True, "freq_shift": 0})
    for part in ("vae_decoder", "vae_encoder"):
        write(os.path.join(to, part), "config.json", {
            "_class_name": "AutoencoderKL", "in_channels": 3, "out_channels": 3, "latent_channels": A.LATENT,
            "block_out_channels": [A.THIN, *A.DECODER], "layers_per_block": 1, "act_fn": "silu",
            "norm_num_groups": 16, "sample_size": 256, "scaling_factor": scaling, "shift_factor": None,
            "down_block_types": ["DownEncoderBlock2D"] * 4, "up_block_types": ["UpDecoderBlock2D"] * 4,
            "force_upcast": False, "mid_block_add_attention": False})


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--autoencoder", help="checkpoint of train_autoencoder.py; random weights without it")
    ap.add_argument("--unet", help="checkpoint of train_unet.py (U-Net and text encoder); random weights without it")
    ap.add_argument("--tokenizer", help="folder of vocab.json, merges.txt, tokenizer_config.json")
    ap.add_argument("--to", default="../models/starter")
    ap.add_argument("--width", type=int, default=256)
    ap.add_argument("--height", type=int, default=256)
    ap.add_argument("--steps", type=int, default=12)
    ap.add_argument("--guidance", type=float, default=3.0)
    ap.add_argument("--rescale", type=float, default=0.7)
    ap.add_argument("--scheduler", default="dpmpp_2m")
    o = ap.parse_args()
    vae, unet, text, scaling = A.Autoencoder(), U.UNet(), T.TextEncoder(), 1.0
    if o.autoencoder:
        c = torch.load(o.autoencoder, map_location="cpu")
        vae.load_state_dict({k: v.float() for k, v in c["ema"].items()})
        scaling = round(float(c["scaling_factor"]), 6)
    if o.unet:
        c = torch.load(o.unet, map_location="cpu")
        unet.load_state_dict({k: v.float() for k, v in c["unet"].items()})
        text.load_state_dict({k: v.float() for k, v in c["text"].items()})
    for part, _, wrapped in parts(vae, unet, text):
        export(wrapped, os.path.join(o.to, part), *signature(part))
    configs(o.to, scaling, {"width": o.width, "height": o.height, "num_inference_steps": o.steps,
                            "guidance_scale": o.guidance, "guidance_rescale": o.rescale, "scheduler": o.scheduler})
    if o.tokenizer:
        os.makedirs(os.path.join(o.to, "tokenizer"), exist_ok=True)
        for name in ("vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json"):
            shutil.copyfile(os.path.join(o.tokenizer, name), os.path.join(o.to, "tokenizer", name))
    sizes = {os.path.relpath(os.path.join(d, f), o.to): os.path.getsize(os.path.join(d, f))
             for d, _, fs in os.walk(o.to) for f in fs}
    for name, n in sorted(sizes.items()):
        print(f"{n:12,} {name}")
    print(f"{sum(sizes.values()):12,} in all")
    assert max(sizes.values()) <= 16_000_000 and sum(sizes.values()) <= 45_000_000


if __name__ == "__main__":
    main()
