namespace ImageService.Diffusion.Schedulers;

/// <summary>Which curve the noise levels of the steps follow.</summary>
internal enum SigmaSpacing
{
    /// <summary>The model's own levels at the timesteps.</summary>
    Model,

    /// <summary>Karras et al. 2022, equation 5, rho = 7.</summary>
    Karras,

    /// <summary>Even in log sigma.</summary>
    Exponential,

    /// <summary>Quantiles of the beta distribution with both parameters 0.6 (Lee et al. 2024).</summary>
    Beta,
}
