namespace ImageService.Diffusion.Denoise;

/// <summary>
/// What rows must share to stand in one U-Net call. Guidance, scheduler, step count, seed and start image are not here: they are per row.
/// </summary>
/// <param name="Model">Model id.</param>
/// <param name="Height">Latent rows.</param>
/// <param name="Width">Latent columns.</param>
/// <param name="ContextLength">Tokens of the text context; prompts of several chunks have a multiple of one window.</param>
public readonly record struct BatchKey(string Model, int Height, int Width, int ContextLength)
{
    /// <summary>For prompts of one window.</summary>
    /// <param name="width">Pixels.</param>
    /// <param name="height">Pixels.</param>
    public static BatchKey OfPixels(ModelInfo info, int width, int height)
    {
        ArgumentNullException.ThrowIfNull(info);
        return new BatchKey(info.Description.Id, height / info.VaeScale, width / info.VaeScale, info.TextEncoders[0].ContextLength);
    }
}
