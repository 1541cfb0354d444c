"""config.json of a U-Net, an autoencoder or a text encoder -> what decides its architecture. What is not built is refused."""
import json
import os

from .clip import ClipConfig
from .errors import ExportError
from .unet import UNetConfig
from .vae import VaeConfig

DEFAULT_WIDTHS = [320, 640, 1280, 1280]


class Config:
    """A JSON file. Every complaint names the file and the field."""
    def __init__(self, path):
        self.path = path
        if not os.path.isfile(path):
            raise ExportError(f"{path} is missing.")
        try:
            with open(path, encoding="utf-8") as f:
                self.values = json.load(f)
        except ValueError as e:
            raise ExportError(f"{path} is not JSON: {e}.") from e
        if not isinstance(self.values, dict):
            raise ExportError(f"{path} must hold one JSON object.")

    def bad(self, field, rule):
        return ExportError(f"{self.path}: {field} {rule}, not {json.dumps(self.values.get(field))}.")

    def get(self, field, default):
        value = self.values.get(field)
        return default if value is None else value

    def number(self, field, default, kind=int, low=1):
        value = self.get(field, default)
        if value is None:
            raise ExportError(f"{self.path}: {field} is missing.")
        if isinstance(value, bool) or not isinstance(value, (int, float) if kind is float else int) or not low <= value <= 1e6:
            raise self.bad(field, f"must be a {'whole ' if kind is int else ''}number in {low}..1000000")
        return kind(value)

    def optional(self, field):
        return None if self.values.get(field) is None else self.number(field, None)

    def numbers(self, field, default, count=None):
        """A list; one number stands for `count` of them."""
        value = self.get(field, default)
        value = [value] * count if isinstance(value, int) and count else value
        good = isinstance(value, list) and value and all(isinstance(v, int) and not isinstance(v, bool) and 0 < v <= 65536 for v in value)
        if not good or (count and len(value) != count):
            raise self.bad(field, f"must be {'a number or ' if count else ''}a list of {count or 'at least one'} whole number{'s' if count != 1 else ''} in 1..65536")
        return value

    def expect(self, field, *allowed):
        """None among `allowed` = the field may be absent."""
        if self.values.get(field) not in allowed:
            raise self.bad(field, "must be " + " or ".join("absent" if a is None else json.dumps(a) for a in allowed))

    def expect_class(self, name):
        self.expect("_class_name", name, None)


def unet_config(path) -> UNetConfig:
    f = Config(path)
    f.expect_class("UNet2DConditionModel")
    widths = f.numbers("block_out_channels", DEFAULT_WIDTHS)
    count = len(widths)
    attention = levels(f, count)
    for field in ("class_embed_type", "encoder_hid_dim", "encoder_hid_dim_type", "num_class_embeds", "time_embedding_act_fn", "timestep_post_act",
                  "cross_attention_norm", "reverse_transformer_layers_per_block", "time_embedding_dim"):
        f.expect(field, None)
    for field in ("dual_cross_attention", "only_cross_attention", "resnet_skip_time_act", "center_input_sample", "class_embeddings_concat",
                  "mid_block_only_cross_attention"):
        f.expect(field, None, False)
    for field, allowed in (("act_fn", ("silu", "swish")), ("resnet_time_scale_shift", ("default",)), ("time_embedding_type", ("positional",)),
                           ("mid_block_type", ("UNetMidBlock2DCrossAttn",)), ("attention_type", ("default",)), ("addition_embed_type", ("text_time",)),
                           ("conv_in_kernel", (3,)), ("conv_out_kernel", (3,)), ("downsample_padding", (1,)), ("mid_block_scale_factor", (1,)),
                           ("resnet_out_scale_factor", (1,))):
        f.expect(field, None, *allowed)
    # Called a size in diffusers' files, and yet the number of heads.
    heads = f.numbers("num_attention_heads" if f.values.get("num_attention_heads") is not None else "attention_head_dim", 8, count)
    groups, added = f.number("norm_num_groups", 32), f.get("addition_embed_type", None) is not None
    for i, width in enumerate(widths):
        if width % groups:
            raise f.bad("block_out_channels", f"must be multiples of norm_num_groups ({groups})")
        if (attention[i] or i == count - 1) and width % heads[i]:
            raise f.bad("block_out_channels", f"must be divisible by the heads ({heads})")
    c = UNetConfig(
        in_channels=f.number("in_channels", 4), out_channels=f.number("out_channels", 4), widths=widths,
        layers_per_block=f.number("layers_per_block", 2), attention=attention, heads=heads,
        layers_per_transformer=f.numbers("transformer_layers_per_block", 1, count), context_width=f.number("cross_attention_dim", 1280),
        linear_projection=bool(f.get("use_linear_projection", False)), groups=groups, eps=f.number("norm_eps", 1e-5, float, 0),
        flip_sin_to_cos=bool(f.get("flip_sin_to_cos", True)), freq_shift=f.number("freq_shift", 0, float, 0),
        size_embedding_width=f.number("addition_time_embed_dim", None) if added else None,
        added_width=f.number("projection_class_embeddings_input_dim", None) if added else None,
        guidance_width=f.optional("time_cond_proj_dim"))
    if added and c.added_width <= 6 * c.size_embedding_width:
        raise f.bad("projection_class_embeddings_input_dim", f"must be more than 6 times addition_time_embed_dim ({c.size_embedding_width})")
    return c


def levels(f, count):
    """Which levels have attention; the way up must mirror the way down."""
    down = f.get("down_block_types", ["CrossAttnDownBlock2D"] * (count - 1) + ["DownBlock2D"])
    up = f.get("up_block_types", ["UpBlock2D"] + ["CrossAttnUpBlock2D"] * (count - 1))
    for field, types, kinds in (("down_block_types", down, ("CrossAttnDownBlock2D", "DownBlock2D")), ("up_block_types", up, ("CrossAttnUpBlock2D", "UpBlock2D"))):
        if not isinstance(types, list) or len(types) != count or any(t not in kinds for t in types):
            raise f.bad(field, f"must be {count} of {' and '.join(kinds)}, one for each of block_out_channels")
    attention = [t.startswith("Cross") for t in down]
    if attention != [t.startswith("Cross") for t in reversed(up)]:
        raise f.bad("up_block_types", "must have attention where down_block_types has it, in reverse")
    return attention


def vae_config(path) -> VaeConfig:
    f = Config(path)
    f.expect_class("AutoencoderKL")
    widths = f.numbers("block_out_channels", [64])
    for field, kind in (("down_block_types", "DownEncoderBlock2D"), ("up_block_types", "UpDecoderBlock2D")):
        f.expect(field, None, [kind] * len(widths))
    f.expect("act_fn", None, "silu")
    f.expect("latents_mean", None)
    f.expect("latents_std", None)
    groups = f.number("norm_num_groups", 32)
    if any(w % groups for w in widths):
        raise f.bad("block_out_channels", f"must be multiples of norm_num_groups ({groups})")
    return VaeConfig(f.number("in_channels", 3), f.number("out_channels", 3), f.number("latent_channels", 4), widths, f.number("layers_per_block", 1), groups,
                     f.number("scaling_factor", 0.18215, float, 1e-6), f.get("use_quant_conv", True), f.get("use_post_quant_conv", True),
                     f.get("mid_block_add_attention", True))


def clip_config(path, projects) -> ClipConfig:
    """projects: the class is CLIPTextModelWithProjection, which gives text_embeds."""
    f = Config(path)
    f.expect("model_type", "clip_text_model", None)
    f.expect("hidden_act", "quick_gelu", "gelu")
    width, heads, vocabulary = f.number("hidden_size", None), f.number("num_attention_heads", None), f.number("vocab_size", 49408)
    if width % heads:
        raise f.bad("hidden_size", f"must be divisible by num_attention_heads ({heads})")
    eos = f.number("eos_token_id", 2, low=0)
    # Files of 2022 say 2, and the end token is the last of the vocabulary; transformers has the same exception.
    return ClipConfig(vocabulary, f.number("max_position_embeddings", 77), width, f.number("intermediate_size", None), f.number("num_hidden_layers", None), heads,
                      f.values["hidden_act"], f.number("layer_norm_eps", 1e-5, float, 0), vocabulary - 1 if eos == 2 else eos,
                      f.number("projection_dim", None) if projects else 0)


def unet_json(c: UNetConfig, sample_size):
    kinds = [("CrossAttn" if a else "") for a in c.attention]
    return {"_class_name": "UNet2DConditionModel", "sample_size": sample_size, "in_channels": c.in_channels, "out_channels": c.out_channels,
            "block_out_channels": c.widths, "layers_per_block": c.layers_per_block, "down_block_types": [k + "DownBlock2D" for k in kinds],
            "mid_block_type": "UNetMidBlock2DCrossAttn", "up_block_types": [k + "UpBlock2D" for k in reversed(kinds)], "act_fn": "silu",
            "attention_head_dim": c.heads, "transformer_layers_per_block": c.layers_per_transformer, "cross_attention_dim": c.context_width,
            "use_linear_projection": c.linear_projection, "norm_num_groups": c.groups, "norm_eps": c.eps, "flip_sin_to_cos": c.flip_sin_to_cos,
            "freq_shift": c.freq_shift, "addition_embed_type": "text_time" if c.added_width else None, "addition_time_embed_dim": c.size_embedding_width,
            "projection_class_embeddings_input_dim": c.added_width, "time_cond_proj_dim": c.guidance_width}


def vae_json(c: VaeConfig, sample_size):
    n = len(c.widths)
    return {"_class_name": "AutoencoderKL", "in_channels": c.in_channels, "out_channels": c.out_channels, "latent_channels": c.latent_channels,
            "block_out_channels": c.widths, "layers_per_block": c.layers_per_block, "norm_num_groups": c.groups, "act_fn": "silu",
            "down_block_types": ["DownEncoderBlock2D"] * n, "up_block_types": ["UpDecoderBlock2D"] * n, "sample_size": sample_size,
            "scaling_factor": c.scaling_factor, "use_quant_conv": c.quant_conv, "use_post_quant_conv": c.post_quant_conv,
            "mid_block_add_attention": c.mid_attention}


def clip_json(c: ClipConfig):
    return {"model_type": "clip_text_model", "vocab_size": c.vocabulary, "max_position_embeddings": c.tokens, "hidden_size": c.width,
            "intermediate_size": c.inner, "num_hidden_layers": c.layers, "num_attention_heads": c.heads, "hidden_act": c.activation,
            "layer_norm_eps": c.eps, "eos_token_id": c.eos, "projection_dim": c.projection or c.width}
