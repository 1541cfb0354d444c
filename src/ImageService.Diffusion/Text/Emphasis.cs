using System.Numerics.Tensors;

namespace ImageService.Diffusion.Text;

/// <summary>A1111's attention weights ("Original" emphasis of its <c>sd_emphasis.py</c>).</summary>
internal static class Emphasis
{
    /// <summary>
    /// Multiplies each token's hidden states by its weight, then scales the whole window so that its mean is what it was.
    /// </summary>
    /// <param name="hidden">[tokens of the window, size], changed in place.</param>
    /// <param name="weights">Of the tokens after the begin token; the others have weight 1.</param>
    public static void Apply(Span<float> hidden, int size, IReadOnlyList<float> weights)
    {
        var before = TensorPrimitives.Sum<float>(hidden);
        for (var i = 0; i < weights.Count; i++)
        {
            var token = hidden.Slice((i + 1) * size, size);
            TensorPrimitives.Multiply(token, weights[i], token);
        }
        var scale = before / TensorPrimitives.Sum<float>(hidden);
        // Weights that happen to cancel the mean would blow everything up: without a finite scale the weights alone must do.
        if (float.IsFinite(scale))
            TensorPrimitives.Multiply(hidden, scale, hidden);
    }
}
