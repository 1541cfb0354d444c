"""CLIP's text encoder as ONNX."""
import torch

from .clip import ClipTextModel
from .graph import Graph
from .operators import Operators, Style
from .pending import Pending


def clip_graph(model: ClipTextModel, style: Style) -> Graph:
    """All hidden states are outputs: SDXL reads the last but one, clip_skip others."""
    c, g, text = model.config, Graph("text_encoder"), model.text_model
    ops = Operators(g, model, style)
    ids = g.input("input_ids", torch.int64, ["rows", c.tokens])
    embeddings = text.embeddings
    x = g.node("Gather", ops.parameter(embeddings.token_embedding, "weight"), ids, axis=0)
    x = g.node("Add", x, ops.parameter(embeddings.position_embedding, "weight"))
    states = []
    for layer in text.encoder.layers:
        h, x = ops.layer_norm(x, layer.layer_norm1)
        states.append(x)
        a = layer.self_attn
        h = ops.attention(h, h, a.q_proj, a.k_proj, a.v_proj, a.heads, causal=c.tokens)
        x = Pending(ops.matmul(h, a.out_proj), x, ops.total_bias(a.out_proj), tokens=True)
        h, x = ops.layer_norm(x, layer.layer_norm2)
        h = ops.quick_gelu(ops.linear(h, layer.mlp.fc1)) if layer.mlp.quick else ops.biased_gelu(ops.matmul(h, layer.mlp.fc1), layer.mlp.fc1)
        x = Pending(ops.matmul(h, layer.mlp.fc2), x, ops.total_bias(layer.mlp.fc2), tokens=True)
    last, x = ops.layer_norm(x, text.final_layer_norm)
    states.append(x)
    pooled = None if model.text_projection is None else ops.matmul(at_end(ops, ids, last, c), model.text_projection)
    g.output("last_hidden_state", last, style.dtype, ["rows", c.tokens, c.width])
    if pooled is not None:
        g.output("text_embeds", pooled, style.dtype, ["rows", c.projection])
    for i, state in enumerate(states):
        g.output(f"hidden_states.{i}", state, style.dtype, ["rows", c.tokens, c.width])
    return g


def at_end(ops, ids, states, c):
    """The state at the first end token, by a product with its place: indices would be computed on the host."""
    g, dtype = ops.g, ops.style.dtype
    ends = g.node("Cast", g.node("Equal", ids, g.constant("eos", torch.tensor(c.eos))), to_type=dtype)
    # How many end tokens there are up to each place; 2 * ends less that is 1 at the first one, and 0 or less elsewhere.
    so_far = g.node("MatMul", ends, g.constant("up_to", torch.ones(c.tokens, c.tokens, dtype=dtype).triu()))
    first = g.node("Relu", g.node("Sub", g.node("Mul", ends, ops.scalar(2.0)), so_far))
    picked = g.node("MatMul", g.node("Reshape", first, g.ints(0, 1, -1)), states)
    return g.node("Reshape", picked, g.ints(-1, c.width))
