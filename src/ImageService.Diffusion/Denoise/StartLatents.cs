using System.Numerics.Tensors;
using ImageService.Diffusion.Noise;

namespace ImageService.Diffusion.Denoise;

/// <summary>The arithmetic of start images and masks, as in diffusers' img2img and inpaint pipelines.</summary>
public static class StartLatents
{
    /// <summary>A mask's bytes from here on mean "repaint": diffusers cuts at one half.</summary>
    private const byte Repaint = 128;

    /// <summary>Pixels to the VAE's numbers: x / 255 * 2 - 1 (<c>VaeImageProcessor.preprocess</c>).</summary>
    /// <param name="rgb">[height, width, 3].</param>
    /// <param name="planes">[3, height, width], written.</param>
    public static void Normalize(ReadOnlySpan<byte> rgb, Span<float> planes)
    {
        var pixels = planes.Length / 3;
        for (var i = 0; i < pixels; i++)
        {
            for (var channel = 0; channel < 3; channel++)
                planes[(channel * pixels) + i] = (2 * (rgb[(3 * i) + channel] / 255f)) - 1;
        }
    }

    /// <summary>Makes what is to be repainted grey, which is 0 (<c>prepare_mask_and_masked_image</c>).</summary>
    /// <param name="planes">[3, height, width], changed.</param>
    /// <param name="mask">[height, width].</param>
    public static void Hide(Span<float> planes, ReadOnlySpan<byte> mask)
    {
        for (var i = 0; i < planes.Length; i++)
        {
            if (mask[i % mask.Length] >= Repaint)
                planes[i] = 0;
        }
    }

    /// <summary>A mask for latents: 1 = repaint. Each takes the upper left of its pixels, torch's nearest interpolation (<c>prepare_mask_latents</c>).</summary>
    /// <param name="mask">[height * scale, width * scale].</param>
    /// <param name="width">Latent columns.</param>
    /// <param name="scale">Pixels a side for each latent.</param>
    /// <param name="into">[height, width], written.</param>
    public static void ResizeMask(ReadOnlySpan<byte> mask, int width, int scale, Span<float> into)
    {
        for (var i = 0; i < into.Length; i++)
        {
            var (row, column) = Math.DivRem(i, width);
            into[i] = mask[(((row * width * scale) + column) * scale)] >= Repaint ? 1 : 0;
        }
    }

    /// <summary>Draws latents from the VAE's posterior (Kingma and Welling 2013; <c>DiagonalGaussianDistribution.sample</c>) and scales them for the U-Net.</summary>
    /// <param name="noise">One draw is taken.</param>
    public static void Sample(ModelInfo info, ReadOnlySpan<float> mean, ReadOnlySpan<float> deviation, NoiseGenerator noise, Span<float> into)
    {
        ArgumentNullException.ThrowIfNull(info);
        ArgumentNullException.ThrowIfNull(noise);
        noise.Fill(into);
        TensorPrimitives.Multiply(into, deviation, into);
        TensorPrimitives.Add(mean, into, into);
        TensorPrimitives.Subtract(into, info.ShiftFactor, into);
        TensorPrimitives.Multiply(into, info.ScalingFactor, into);
    }

    /// <summary>Puts the original back where the mask says 0: (1 - mask) * original + mask * latents.</summary>
    /// <param name="latents">[channels, height, width], changed.</param>
    /// <param name="original">Same shape, noised as far as the latents are.</param>
    /// <param name="mask">[height, width].</param>
    public static void KeepUnmasked(Span<float> latents, ReadOnlySpan<float> original, ReadOnlySpan<float> mask)
    {
        for (var start = 0; start < latents.Length; start += mask.Length)
        {
            for (var i = 0; i < mask.Length; i++)
            {
                if (mask[i] == 0)
                    latents[start + i] = original[start + i];
            }
        }
    }
}
