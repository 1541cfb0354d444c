using System.Numerics.Tensors;

namespace ImageService.Diffusion.Denoise;

/// <summary>Classifier-free guidance (Ho and Salimans 2022) and its rescale (Lin et al. 2023, section 3.4), as diffusers' pipelines compute them.</summary>
internal static class Guidance
{
    /// <summary>negative + scale * (positive - negative).</summary>
    public static void Combine(ReadOnlySpan<float> negative, ReadOnlySpan<float> positive, float scale, Span<float> into)
    {
        TensorPrimitives.Subtract(positive, negative, into);
        TensorPrimitives.MultiplyAdd(into, scale, negative, into);
    }

    /// <summary>Gives the guided prediction the deviation of the unguided one, as far as <paramref name="rescale"/> (0..1) says.</summary>
    public static void Rescale(Span<float> guided, ReadOnlySpan<float> positive, float rescale)
    {
        var ratio = TensorPrimitives.StdDev(positive) / TensorPrimitives.StdDev<float>(guided);
        TensorPrimitives.Multiply(guided, (rescale * ratio) + (1 - rescale), guided);
    }
}
