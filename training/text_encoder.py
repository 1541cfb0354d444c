"""The text encoder: CLIP's text transformer in small, trained from scratch together with the U-Net.

Pre-norm, causal, learned positions, padded with the end token: because of the causal mask the padding changes no
earlier state, and the last position has seen the whole prompt (the U-Net uses it as a summary).
"""
import torch
import torch.nn as nn

VOCAB = 4096
LENGTH = 40                   # tokens, start and end included; the longest training caption has 38
WIDTH = 256
LAYERS = 3
HEADS = 4
BOS, EOS = VOCAB - 2, VOCAB - 1


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.qkv, self.out = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.norm2, self.up, self.down = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x, mask):
        b, n, c = x.shape
        q, k, v = (t.reshape(b, n, HEADS, c // HEADS).transpose(1, 2) for t in self.qkv(self.norm1(x)).chunk(3, -1))
        a = (q @ k.transpose(2, 3) * (c // HEADS) ** -.5 + mask).softmax(-1) @ v
        x = x + self.out(a.transpose(1, 2).reshape(b, n, c))
        h = self.up(self.norm2(x))
        return x + self.down(h * torch.sigmoid(1.702 * h))      # CLIP's quick GELU


class TextEncoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.token = nn.Embedding(VOCAB, WIDTH)
        self.position = nn.Parameter(torch.randn(LENGTH, WIDTH) * .01)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.norm = nn.LayerNorm(WIDTH)
        nn.init.normal_(self.token.weight, std=.02)
        for layer in self.layers:
            for last in (layer.out, layer.down):
                nn.init.normal_(last.weight, std=WIDTH ** -.5 * (2 * LAYERS) ** -.5)
        self.register_buffer("mask", torch.full((LENGTH, LENGTH), -1e4).triu(1), persistent=False)

    def states(self, ids):
        """-> the embedding and each layer's output, before the last norm"""
        x = self.token(ids) + self.position
        out = [x]
        for layer in self.layers:
            out.append(layer(out[-1], self.mask))
        return out

    def forward(self, ids):
        """ids [b, LENGTH] -> [b, LENGTH, WIDTH]"""
        return self.norm(self.states(ids)[-1])


if __name__ == "__main__":
    net = TextEncoder()
    print(f"{sum(p.numel() for p in net.parameters()) / 1e6:.2f} M parameters", net(torch.full((2, LENGTH), EOS)).shape)
