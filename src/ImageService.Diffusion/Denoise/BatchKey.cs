namespace ImageService.Diffusion.Denoise;

/// <summary>
/// What rows must share to stand in one U-Net call. Guidance, scheduler, step count, seed and start image are not here: they are per row.
/// </summary>
/// <param name="Model">Model id.</param>
/// <param name="Height">Latent rows.</param>
/// <param name="Width">Latent columns.</param>
/// <param name="ContextLength">Tokens of the text context; prompts of several chunks have a multiple of one window.</param>
public readonly record struct BatchKey(string Model, int Height, int Width, int ContextLength);
