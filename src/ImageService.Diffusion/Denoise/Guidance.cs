using System.Numerics.Tensors;

namespace ImageService.Diffusion.Denoise;

/// <summary>Classifier-free guidance on model outputs, in place.</summary>
public static class Guidance
{
    /// <summary>
    /// Classifier-free guidance (Ho and Salimans 2022, equation 6, in the form of Imagen's equation 6): unconditional + scale * (text - unconditional).
    /// </summary>
    /// <param name="unconditional">The output for the negative prompt; receives the result.</param>
    /// <param name="text">The output for the prompt.</param>
    /// <param name="scale">1 gives <paramref name="text"/>.</param>
    public static void Combine(Span<float> unconditional, ReadOnlySpan<float> text, float scale)
    {
        // x + s (y - x), elementwise: the order of torch's operations, with the difference kept in a small buffer.
        Span<float> difference = stackalloc float[256];
        for (var start = 0; start < unconditional.Length; start += difference.Length)
        {
            var x = unconditional[start..Math.Min(start + difference.Length, unconditional.Length)];
            var d = difference[..x.Length];
            TensorPrimitives.Subtract(text.Slice(start, x.Length), x, d);
            TensorPrimitives.Multiply(d, scale, d);
            TensorPrimitives.Add(x, d, x);
        }
    }

    /// <summary>
    /// Takes back the contrast that guidance adds (Lin et al. 2023, equations 15 and 16; diffusers' <c>rescale_noise_cfg</c>): the guided output is
    /// scaled to the standard deviation of the text output, and mixed with itself unscaled.
    /// </summary>
    /// <param name="guided">The result of <see cref="Combine"/> for one picture; changed in place.</param>
    /// <param name="text">The output for the prompt.</param>
    /// <param name="rescale">0..1: share of the scaled output.</param>
    public static void Rescale(Span<float> guided, ReadOnlySpan<float> text, float rescale)
    {
        if (rescale == 0)
            return;
        var factor = StandardDeviation(text) / StandardDeviation(guided);
        // rescale * (guided * factor) + (1 - rescale) * guided, for all elements alike.
        TensorPrimitives.Multiply(guided, rescale * factor + (1 - rescale), guided);
    }

    /// <summary>
    /// The guidance embedding of consistency-distilled U-Nets (Luo et al. 2023, section 4.2; diffusers' <c>get_guidance_scale_embedding</c>): sines and then
    /// cosines of 1000 (scale - 1) at geometrically falling frequencies.
    /// </summary>
    /// <param name="scale">The guidance scale; such a U-Net does the guidance by itself.</param>
    /// <param name="into">[<see cref="ModelInfo.GuidanceEmbeddingSize"/>], written.</param>
    public static void Embed(float scale, Span<float> into)
    {
        var half = into.Length / 2;
        var position = (scale - 1) * 1000f;
        var decay = MathF.Log(10000) / (half - 1);
        for (var i = 0; i < half; i++)
        {
            var angle = position * MathF.Exp(i * -decay);
            (into[i], into[half + i]) = (MathF.Sin(angle), MathF.Cos(angle));
        }
        // An odd length ends with a zero.
        into[(2 * half)..].Clear();
    }

    // torch.std: divided by n - 1. The sums are taken in double, around the mean.
    private static float StandardDeviation(ReadOnlySpan<float> values)
    {
        double sum = 0, squares = 0;
        foreach (var value in values)
            sum += value;
        var mean = sum / values.Length;
        foreach (var value in values)
            squares += (value - mean) * (value - mean);
        return (float)Math.Sqrt(squares / (values.Length - 1));
    }
}
