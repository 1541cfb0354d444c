using ImageService.Diffusion.Denoise;

namespace ImageService.Diffusion;

/// <summary>
/// A loaded model: the one seam to the device. Every buffer is the caller's. <see cref="PredictNoise"/> is called by one thread, the one that runs the denoise
/// loop; meanwhile another thread may be in any of the other methods, which two threads may call at the same time.
/// </summary>
public interface IDiffusionModel : IDisposable
{
    ModelInfo Info { get; }

    /// <summary>
    /// Pictures are better decoded beside the steps, however short it takes: on a GPU, which draws on while the host copies and converts. On a processor both would
    /// only take each other's cores.
    /// </summary>
    bool DecodesBeside => false;

    /// <summary>Runs one text encoder over one window of tokens.</summary>
    /// <param name="encoder">Index into <see cref="ModelInfo.TextEncoders"/>.</param>
    /// <param name="tokens">Exactly <see cref="TextEncoderInfo.ContextLength"/> ids, begin, end and padding included.</param>
    /// <param name="clipSkip">Layers to skip as diffusers counts them; null = the model's own choice of layer.</param>
    /// <param name="hidden">[ContextLength, HiddenSize], written.</param>
    /// <param name="pooled">[PooledSize], written; empty if the encoder has no pooled output or it is not wanted.</param>
    void EncodeTokens(int encoder, ReadOnlySpan<int> tokens, int? clipSkip, Span<float> hidden, Span<float> pooled);

    /// <summary>One U-Net call over the first <see cref="UNetBatch.Rows"/> rows; fills <see cref="UNetBatch.Output"/>.</summary>
    void PredictNoise(UNetBatch batch);

    /// <summary>VAE decoder for one picture.</summary>
    /// <param name="height">Latent rows.</param>
    /// <param name="width">Latent columns.</param>
    /// <param name="latents">[LatentChannels, height, width], still multiplied by the scaling factor.</param>
    /// <param name="rgb">[height * VaeScale, width * VaeScale, 3], written.</param>
    /// <exception cref="ArithmeticException">The decoder gave numbers that are not finite.</exception>
    void DecodeLatents(int height, int width, ReadOnlySpan<float> latents, Span<byte> rgb);

    /// <summary>VAE encoder for one picture.</summary>
    /// <param name="height">Pixel rows.</param>
    /// <param name="width">Pixel columns.</param>
    /// <param name="image">[3, height, width] in -1..1.</param>
    /// <param name="mean">[LatentChannels, height / VaeScale, width / VaeScale], written; of the posterior, not yet scaled.</param>
    /// <param name="deviation">Same shape, written: the posterior's standard deviation.</param>
    void EncodeImage(int height, int width, ReadOnlySpan<float> image, Span<float> mean, Span<float> deviation);
}
