"""CLIP's text encoder (transformers' CLIPTextModel and CLIPTextModelWithProjection) in plain PyTorch."""
from dataclasses import dataclass

import torch
import torch.nn as nn
import torch.nn.functional as F

from .layers import attend, heads_apart, heads_together


@dataclass
class ClipConfig:
    """The fields of text_encoder/config.json that decide the architecture."""
    vocabulary: int = 49408
    tokens: int = 77
    width: int = 768
    inner: int = 3072
    layers: int = 12
    heads: int = 12
    activation: str = "quick_gelu"
    eps: float = 1e-5
    eos: int = 49407
    projection: int = 0               # width of text_embeds; 0 = the model has none


class Embeddings(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.token_embedding = nn.Embedding(c.vocabulary, c.width)
        self.position_embedding = nn.Embedding(c.tokens, c.width)

    def forward(self, ids):
        return self.token_embedding(ids) + self.position_embedding.weight[:ids.shape[1]]


class SelfAttention(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.heads = c.heads
        self.k_proj = nn.Linear(c.width, c.width)
        self.v_proj = nn.Linear(c.width, c.width)
        self.q_proj = nn.Linear(c.width, c.width)
        self.out_proj = nn.Linear(c.width, c.width)

    def forward(self, x):
        q, k, v = (heads_apart(p(x), self.heads) for p in (self.q_proj, self.k_proj, self.v_proj))
        return self.out_proj(heads_together(attend(q, k, v, causal=True)))


class Mlp(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.quick = c.activation == "quick_gelu"
        self.fc1 = nn.Linear(c.width, c.inner)
        self.fc2 = nn.Linear(c.inner, c.width)

    def forward(self, x):
        x = self.fc1(x)
        return self.fc2(x * torch.sigmoid(1.702 * x) if self.quick else F.gelu(x))


class Layer(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.layer_norm1 = nn.LayerNorm(c.width, c.eps)
        self.self_attn = SelfAttention(c)
        self.layer_norm2 = nn.LayerNorm(c.width, c.eps)
        self.mlp = Mlp(c)

    def forward(self, x):
        x = x + self.self_attn(self.layer_norm1(x))
        return x + self.mlp(self.layer_norm2(x))


class Stack(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.layers = nn.ModuleList(Layer(c) for _ in range(c.layers))


class TextModel(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.embeddings = Embeddings(c)
        self.encoder = Stack(c)
        self.final_layer_norm = nn.LayerNorm(c.width, c.eps)


class ClipTextModel(nn.Module):
    def __init__(self, c: ClipConfig):
        super().__init__()
        self.config = c
        self.text_model = TextModel(c)
        self.text_projection = nn.Linear(c.width, c.projection, bias=False) if c.projection else None

    def forward(self, ids):
        """ids [rows, tokens] -> (last_hidden_state, text_embeds or None, [hidden states: embeddings, after layer 1, ...])."""
        states = [self.text_model.embeddings(ids)]
        for layer in self.text_model.encoder.layers:
            states.append(layer(states[-1]))
        last = self.text_model.final_layer_norm(states[-1])
        if self.text_projection is None:
            return last, None, states
        at = (ids == self.config.eos).int().argmax(-1)
        return last, self.text_projection(last[torch.arange(len(ids), device=ids.device), at]), states
