namespace ImageService.Diffusion.Schedulers;

/// <summary>What the U-Net was trained to predict.</summary>
internal enum PredictionType
{
    /// <summary>The noise in the latents (Ho et al. 2020).</summary>
    Epsilon,

    /// <summary>v = alpha * noise - sigma * original (Salimans and Ho 2022, appendix D).</summary>
    Velocity,

    /// <summary>The clean latents.</summary>
    Sample,
}
