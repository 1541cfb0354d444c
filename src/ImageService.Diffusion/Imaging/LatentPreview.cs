using System.Buffers;

namespace ImageService.Diffusion.Imaging;

/// <summary>A look at an unfinished picture, one pixel for each latent.</summary>
public static class LatentPreview
{
    /// <summary>Colours of the latents that the model sees as the clean image (x0).</summary>
    /// <param name="latents">[channels, height, width], still multiplied by the scaling factor.</param>
    /// <param name="rgb">[height, width, 3], written.</param>
    public static void Render(LatentRgbFactors factors, int height, int width, ReadOnlySpan<float> latents, Span<byte> rgb)
    {
        ArgumentNullException.ThrowIfNull(factors);
        var plane = height * width;
        var channels = factors.Matrix.Length / 3;
        if (latents.Length != channels * plane || rgb.Length != plane * 3)
        {
            throw new ArgumentException($"latents must have {channels} x {height} x {width} values and rgb {height} x {width} x 3, " +
                                        $"but they have {latents.Length} and {rgb.Length}.", nameof(latents));
        }
        for (var pixel = 0; pixel < plane; pixel++)
        {
            for (var k = 0; k < 3; k++)
            {
                var value = factors.Bias[k];
                for (var c = 0; c < channels; c++)
                    value += latents[(c * plane) + pixel] * factors.Matrix[(c * 3) + k];
                rgb[(pixel * 3) + k] = (byte)Math.Clamp((value + 1) * 127.5f, 0, 255);
            }
        }
    }

    /// <summary>A PNG of <paramref name="width"/> x <paramref name="height"/> pixels, without texts.</summary>
    /// <inheritdoc cref="Render"/>
    public static ReadOnlyMemory<byte> Encode(LatentRgbFactors factors, int height, int width, ReadOnlySpan<float> latents)
    {
        var rented = ArrayPool<byte>.Shared.Rent(height * width * 3);
        var rgb = rented.AsSpan(0, height * width * 3);
        Render(factors, height, width, latents, rgb);
        var png = PngEncoder.Encode(width, height, rgb);
        ArrayPool<byte>.Shared.Return(rented);
        return png;
    }
}
