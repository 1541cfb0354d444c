using System.Numerics.Tensors;

namespace ImageService.Diffusion.Schedulers;

/// <summary>
/// What the U-Net's output says about the clean latents and the noise. In variance-preserving form latents are alpha * original + sigma * noise with
/// alpha^2 + sigma^2 = 1 (Ho et al. 2020, equation 4); in sigma form they are original + sigma * noise (Karras et al. 2022, section 2).
/// </summary>
internal static class Prediction
{
    /// <summary>The original (x0), in variance-preserving form.</summary>
    public static void Original(
        PredictionType type, float alpha, float sigma, ReadOnlySpan<float> output, ReadOnlySpan<float> latents, Span<float> into)
    {
        switch (type)
        {
            case PredictionType.Epsilon:
                LatentArithmetic.SubtractAndDivide(latents, sigma, output, alpha, into);
                break;
            case PredictionType.Velocity:
                LatentArithmetic.Sum(alpha, latents, -sigma, output, into);
                break;
            default:
                output.CopyTo(into);
                break;
        }
    }

    /// <summary>The noise (epsilon), in variance-preserving form.</summary>
    /// <param name="original">What <see cref="Original"/> gave, possibly clipped since.</param>
    public static void Noise(
        PredictionType type, float alpha, float sigma, ReadOnlySpan<float> output, ReadOnlySpan<float> latents, ReadOnlySpan<float> original, Span<float> into)
    {
        switch (type)
        {
            case PredictionType.Epsilon:
                output.CopyTo(into);
                break;
            case PredictionType.Velocity:
                LatentArithmetic.Sum(alpha, output, sigma, latents, into);
                break;
            default:
                LatentArithmetic.SubtractAndDivide(latents, alpha, original, sigma, into);
                break;
        }
    }

    /// <summary>The original in sigma form; the output belongs to the scaled input (Karras et al. 2022, table 1).</summary>
    public static void OriginalInSigmaForm(
        PredictionType type, float sigma, ReadOnlySpan<float> output, ReadOnlySpan<float> latents, Span<float> into)
    {
        switch (type)
        {
            case PredictionType.Epsilon:
                LatentArithmetic.Sum(1, latents, -sigma, output, into);
                break;
            case PredictionType.Velocity:
                var variance = sigma * sigma + 1;
                TensorPrimitives.Divide(latents, variance, into);
                LatentArithmetic.Add(-sigma / MathF.Sqrt(variance), output, into);
                break;
            default:
                output.CopyTo(into);
                break;
        }
    }
}
