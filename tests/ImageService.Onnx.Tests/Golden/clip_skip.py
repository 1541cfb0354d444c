#!/usr/bin/python3
"""Writes clip_skip.json: CLIP's text encoder in plain numpy (float64) on the weights of the tiny reference models.

python3 clip_skip.py FOLDER_OF_REFERENCE_MODELS > clip_skip.json      (needs numpy alone)

What is chosen follows diffusers' encode_prompt: Stable Diffusion 1 takes hidden_states[-(clip_skip + 1)] and normalises it with the final layer norm,
XL takes hidden_states[-(clip_skip + 2)] as it is; the pooled embedding does not depend on clip_skip.
"""
import json
import math
import sys

import numpy as np

TOKENS = [49406, 320, 736, 3055, 525, 320, 2175] + [49407] * 70
ROWS = [0, 3, 7, 76]


def fields(data):
    """(number, value) of each field of a protocol buffer message."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        key = varint()
        if key & 7 == 0:
            yield key >> 3, varint()
            continue
        length = {1: 8, 2: None, 5: 4}[key & 7]
        if length is None:
            length = varint()
        yield key >> 3, data[at:at + length]
        at += length


def read(path):
    """Float weights by name, and the inputs of each named node."""
    graph = next(value for number, value in fields(open(path, "rb").read()) if number == 7)
    weights, nodes = {}, {}
    for number, value in fields(graph):
        parts = list(fields(value)) if number in (1, 5) else []
        if number == 1:
            nodes["".join(v.decode() for n, v in parts if n == 3)] = [v.decode() for n, v in parts if n == 1]
        elif number == 5:
            raw = [v for n, v in parts if n == 9]
            if raw and dict(parts)[2] == 1:
                shape = [v for n, v in parts if n == 1]
                weights[dict(parts)[8].decode()] = np.frombuffer(raw[0], "<f4").reshape(shape).astype(np.float64)
    # Weights that are equal are stored once, and named again by a node.
    for number, value in fields(graph):
        parts = dict(fields(value)) if number == 1 else {}
        if parts.get(4) == b"Identity" and parts[1].decode() in weights:
            weights[parts[2].decode()] = weights[parts[1].decode()]
    return weights, nodes


class Encoder:
    def __init__(self, folder):
        self.config = json.load(open(folder + "/config.json"))
        self.weights, self.nodes = read(folder + "/model.onnx")

    def constant(self, node):
        """The one weight among a node's inputs."""
        name = next(n for n in self.nodes if n.endswith(node))
        return [self.weights[i] for i in self.nodes[name] if i in self.weights]

    def linear(self, x, name):
        (weight,) = self.constant(name + "/MatMul")
        return x @ weight + (self.constant(name + "/Add")[0] if any(n.endswith(name + "/Add") for n in self.nodes) else 0)

    def norm(self, x, name):
        weight, bias = self.constant(name + "/LayerNormalization")
        centred = x - x.mean(-1, keepdims=True)
        return centred / np.sqrt((centred ** 2).mean(-1, keepdims=True) + self.config["layer_norm_eps"]) * weight + bias

    def activate(self, x):
        if self.config["hidden_act"] == "quick_gelu":
            return x / (1 + np.exp(-1.702 * x))
        return x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))

    def attend(self, x, layer):
        heads = self.config["num_attention_heads"]
        q, k, v = (self.linear(x, f"{layer}/self_attn/{n}_proj").reshape(len(x), heads, -1).transpose(1, 0, 2) for n in "qkv")
        scores = q @ k.transpose(0, 2, 1) / math.sqrt(q.shape[-1])
        scores = np.where(np.tril(np.ones(scores.shape[1:])) > 0, scores, -np.inf)
        shares = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = (shares / shares.sum(-1, keepdims=True)) @ v
        return self.linear(mixed.transpose(1, 0, 2).reshape(x.shape), f"{layer}/self_attn/out_proj")

    def run(self):
        embedding = lambda kind: next(v for n, v in self.weights.items() if n.endswith(kind + "_embedding.weight"))
        x = embedding("token")[TOKENS] + embedding("position")
        states = [x]
        for index in range(self.config["num_hidden_layers"]):
            layer = f"layers.{index}"
            x = x + self.attend(self.norm(x, f"{layer}/layer_norm1"), layer)
            x = x + self.linear(self.activate(self.linear(self.norm(x, f"{layer}/layer_norm2"), f"{layer}/mlp/fc1")), f"{layer}/mlp/fc2")
            states.append(x)
        return states


def main(root):
    cases = []
    for model, part, xl in [("tiny-sd15", "text_encoder", False), ("tiny-sdxl", "text_encoder", True), ("tiny-sdxl", "text_encoder_2", True)]:
        encoder = Encoder(f"{root}/{model}/{part}")
        states = encoder.run()
        pooled = []
        if part == "text_encoder_2":
            last = encoder.norm(states[-1], "final_layer_norm")
            pooled = encoder.linear(last[TOKENS.index(49407)], "text_projection").tolist()
        for skip in range(3 if xl else 4):
            chosen = states[-(skip + 2)] if xl else encoder.norm(states[-(skip + 1)], "final_layer_norm")
            cases.append({"model": model, "encoder": int(part.endswith("_2")), "clip_skip": skip, "tokens": TOKENS, "rows": ROWS,
                          "hidden": [[round(v, 8) for v in chosen[row].tolist()] for row in ROWS], "pooled": [round(v, 8) for v in pooled]})
    json.dump(cases, sys.stdout)
    print()


main(sys.argv[1])
