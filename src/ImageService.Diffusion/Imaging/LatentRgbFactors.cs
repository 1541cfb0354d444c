namespace ImageService.Diffusion.Imaging;

/// <summary>A linear map from one latent to the mean colour of its pixels in -1..1: what a VAE decoder does, roughly, at no cost.</summary>
/// <param name="Matrix">[latent channels, 3].</param>
/// <param name="Bias">[3].</param>
public sealed record LatentRgbFactors(float[] Matrix, float[] Bias)
{
    private const int LatentChannels = 4;

    /// <summary>For the VAE of SD 1.x and 2.x, as ComfyUI publishes them (<c>comfy/latent_formats.py</c>, SD15).</summary>
    public static LatentRgbFactors StableDiffusion { get; } = new(
        [0.3512f, 0.2297f, 0.3227f, 0.3250f, 0.4974f, 0.2350f, -0.2829f, 0.1762f, 0.2721f, -0.2120f, -0.2616f, -0.7177f],
        [0, 0, 0]);

    /// <summary>For the VAE of SDXL, as ComfyUI publishes them (<c>comfy/latent_formats.py</c>, SDXL).</summary>
    public static LatentRgbFactors StableDiffusionXl { get; } = new(
        [0.3651f, 0.4232f, 0.4341f, -0.2533f, -0.0042f, 0.1068f, 0.1076f, 0.1111f, -0.0362f, -0.3165f, -0.2492f, -0.2188f],
        [0.1084f, -0.0175f, -0.0011f]);

    /// <summary>
    /// The published factors if the model has one of the well-known VAEs, otherwise fitted to its decoder. Decodes pictures: call once, at
    /// load.
    /// </summary>
    public static LatentRgbFactors For(IDiffusionModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return Known(model.Info) ?? Fit(model, seed: 0);
    }

    /// <summary>
    /// Published factors, or null. A VAE is known by its scale, and by the text width of the model it belongs to: a model trained from
    /// scratch may use the same scale.
    /// </summary>
    public static LatentRgbFactors? Known(ModelInfo info)
    {
        ArgumentNullException.ThrowIfNull(info);
        if (info.LatentChannels != LatentChannels || info.VaeScale != 8 || info.ShiftFactor != 0)
            return null;
        return (info.ContextSize, MathF.Round(info.ScalingFactor, 5)) switch
        {
            (768 or 1024, 0.18215f) => StableDiffusion,
            (2048, 0.13025f) => StableDiffusionXl,
            _ => null,
        };
    }

    /// <summary>Least squares over a few small decoded pictures, smooth and noisy latents of unit variance.</summary>
    public static LatentRgbFactors Fit(IDiffusionModel model, int seed)
    {
        ArgumentNullException.ThrowIfNull(model);
        return LatentRgbFit.Fit(model, seed);
    }
}
