"""Multi-head attention as ONNX operators."""
import torch


class AttentionOperators:
    """The part of `Operators` that writes attention."""

    def attention(self, x, context, q, k, v, heads, causal=False):
        """Multi-head attention from linear layers q, k and v; x and context are tokens. Without the output's projection."""
        if "attention" not in self.style.fused:
            return self._plain_attention(x, context, q, k, v, heads, causal)
        attributes = {"contrib": True, "num_heads": heads, **({"unidirectional": 1} if causal else {})}
        if self.style.attention == "packed" and q.bias is None and not causal:
            own = (q, k, v) if x == context else (k, v)
            packed = self.g.node("Reshape", self.g.node("MatMul", context, self._interleaved(own, heads)),
                                 self.g.ints(0, 0, heads, len(own), q.out_features // heads))
            return self.g.node("MultiHeadAttention", *([packed] if x == context else [self.matmul(x, q), packed]), **attributes)
        inputs = [self.matmul(x, q), self.matmul(context, k), self.matmul(context, v)]
        bias = [] if q.bias is None else [self.joined_bias((q, k, v))]
        return self.g.node("MultiHeadAttention", *inputs, *bias, **attributes)

    def _interleaved(self, modules, heads):
        """[width, heads * parts * head size]: head by head the columns of each part."""
        wide_in, inner = modules[0].in_features, modules[0].out_features
        name = "+".join(self.name(m).split(".")[-1] for m in modules)
        def make():
            parts = torch.stack([m.weight.detach().to(self.style.dtype).reshape(heads, inner // heads, wide_in) for m in modules], 1)
            return parts.reshape(-1, wide_in).t()
        return self.g.weight(f"{self.name(modules[0]).rsplit('.', 1)[0]}.{name}.weight", make, self.style.dtype, (wide_in, len(modules) * inner))

    def _plain_attention(self, x, context, q, k, v, heads, causal):
        g, size = self.g, q.out_features // heads
        def apart(t, perm):
            return g.node("Transpose", g.node("Reshape", t, g.ints(0, 0, heads, size)), perm=perm)
        scores = g.node("MatMul", apart(self.linear(x, q), [0, 2, 1, 3]), apart(self.linear(context, k), [0, 2, 3, 1]))
        scores = g.node("Mul", scores, self.scalar(size ** -0.5))
        if causal:
            mask = torch.full((causal, causal), -1e4, dtype=self.style.dtype).triu(1)
            scores = g.node("Add", scores, g.constant(f"causal.{causal}", mask))
        y = g.node("MatMul", g.node("Softmax", scores, axis=-1), apart(self.linear(context, v), [0, 2, 1, 3]))
        return g.node("Reshape", g.node("Transpose", y, perm=[0, 2, 1, 3]), g.ints(0, 0, q.out_features))
