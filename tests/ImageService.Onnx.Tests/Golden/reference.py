"""Writes clip_skip.json and guidance_embedding.json: what the tests beside them compare with.

The text encoders are computed here in plain torch from the weights inside the tiny models' ONNX files; nothing is run by ONNX Runtime. Which state
clip_skip takes is diffusers' rule: StableDiffusionPipeline normalises hidden_states[-(clip_skip + 1)], StableDiffusionXLPipeline takes
hidden_states[-(clip_skip + 2)] as it is and leaves the pooled embedding alone.

    python3 reference.py ../../../../shared/golden
"""
import argparse
import json
import math
import pathlib

import onnx
import onnx.numpy_helper
import torch

BEGIN, END = 49406, 49407
WORDS = [320, 736, 3055, 525, 518, 1579]  # any six tokens
POSITIONS = [0, 1, 6, 7, 76]  # of the states that are written down: begin, first and last word, end, last padding
HEADS = 4
SCALES = [1, 1.5, 7.5, 8.5, 12]
WIDTHS = [256, 7]


class Weights:
    def __init__(self, path):
        graph = onnx.load(str(path)).graph
        self.constants = {i.name: torch.from_numpy(onnx.numpy_helper.to_array(i).copy()) for i in graph.initializer}
        self.copies = {n.output[0]: n.input[0] for n in graph.node if n.op_type == "Identity"}
        self.nodes = {n.name: n for n in graph.node}
        self.prefix = "/m/text_model/" if "/m/text_model/encoder/layers.0/self_attn/q_proj/MatMul" in self.nodes else "/m/"
        self.layers = sum(n.name.endswith("/self_attn/q_proj/MatMul") for n in graph.node)

    def of(self, node):
        """The constant inputs of a node, in order."""
        found = []
        for name in self.nodes[node].input:
            while name in self.copies:
                name = self.copies[name]
            if name in self.constants:
                found.append(self.constants[name])
        return found

    def linear(self, place, x):
        product = x @ self.of(self.prefix + place + "/MatMul")[0]
        return product + self.of(self.prefix + place + "/Add")[0]

    def norm(self, place, x):
        weight, bias = self.of(self.prefix + place + "/LayerNormalization")
        return torch.nn.functional.layer_norm(x, weight.shape, weight, bias, 1e-5)


def gelu(x):
    return x * 0.5 * (1 + torch.erf(x / math.sqrt(2)))


def quick_gelu(x):
    return x * torch.sigmoid(1.702 * x)


def encode(folder, tokens):
    """All hidden states, the last one normalised, and the pooled embedding (None without a projection)."""
    weights = Weights(folder / "model.onnx")
    activation = {"gelu": gelu, "quick_gelu": quick_gelu}[json.loads((folder / "config.json").read_text())["hidden_act"]]
    name = weights.prefix[1:].replace("/", ".")
    x = weights.constants[name + "embeddings.token_embedding.weight"][tokens] + weights.constants[name + "embeddings.position_embedding.weight"]
    length, width = x.shape
    mask = torch.full((length, length), -math.inf).triu(1)
    states = [x]
    for layer in range(weights.layers):
        place = f"encoder/layers.{layer}/"
        y = weights.norm(place + "layer_norm1", x)
        q, k, v = (weights.linear(place + f"self_attn/{p}_proj", y).view(length, HEADS, -1).transpose(0, 1) for p in "qkv")
        attention = torch.softmax(q @ k.transpose(1, 2) / math.sqrt(width // HEADS) + mask, -1) @ v
        x = x + weights.linear(place + "self_attn/out_proj", attention.transpose(0, 1).reshape(length, width))
        y = weights.linear(place + "mlp/fc1", weights.norm(place + "layer_norm2", x))
        x = x + weights.linear(place + "mlp/fc2", activation(y))
        states.append(x)
    norm = lambda state: weights.norm("final_layer_norm", state)
    projection = [n for n in weights.nodes if n.endswith("text_projection/MatMul")]
    pooled = norm(x)[tokens.index(END)] @ weights.of(projection[0])[0] if projection else None
    return states, norm, pooled


def rows(state):
    return [[round(v, 6) for v in state[p].tolist()] for p in POSITIONS]


def clip_skip(golden):
    cases = []
    for model, part, padding in (("tiny-sd15", "text_encoder", END), ("tiny-sdxl", "text_encoder", END), ("tiny-sdxl", "text_encoder_2", 0)):
        xl = model == "tiny-sdxl"
        tokens = ([BEGIN] + WORDS + [END] + [padding] * 77)[:77]
        states, norm, pooled = encode(golden / model / part, tokens)
        skips = {"none": rows(states[-2]) if xl else rows(norm(states[-1]))}
        for skip in range(0, len(states) - (1 if xl else 0)):
            skips[str(skip)] = rows(states[-(skip + 2)]) if xl else rows(norm(states[-(skip + 1)]))
        cases.append({"model": model, "encoder": 1 if part.endswith("_2") else 0, "tokens": tokens, "positions": POSITIONS, "states": skips,
                      "pooled": None if pooled is None else [round(v, 6) for v in pooled.tolist()]})
    return cases


def guidance_embedding():
    """Luo et al. 2023, as get_guidance_scale_embedding of diffusers' latent consistency pipeline computes it in float32, with w = guidance_scale - 1."""
    cases = []
    for width in WIDTHS:
        half = width // 2
        frequencies = torch.exp(torch.arange(half, dtype=torch.float32) * -(math.log(10000.0) / (half - 1)))
        for scale in SCALES:
            angles = torch.tensor(scale - 1, dtype=torch.float32) * 1000.0 * frequencies
            values = torch.cat([torch.sin(angles), torch.cos(angles), torch.zeros(width % 2)])
            cases.append({"guidance_scale": scale, "width": width, "embedding": [round(v, 6) for v in values.tolist()]})
    return cases


def write(name, data):
    text = "[\n" + ",\n".join(json.dumps(case) for case in data) + "\n]\n"
    (pathlib.Path(__file__).parent / name).write_text(text)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("golden", type=pathlib.Path, help="folder of the tiny models")
    golden = parser.parse_args().golden
    write("clip_skip.json", clip_skip(golden))
    write("guidance_embedding.json", guidance_embedding())
