namespace ImageService.Diffusion.Schedulers;

/// <summary>What a scheduler makes of <c>rescale_betas_zero_snr</c> (Lin et al. 2023, algorithm 1).</summary>
internal enum TerminalSnr
{
    /// <summary>The class does not know the setting.</summary>
    AsTrained,

    /// <summary>The last timestep is pure noise.</summary>
    Zero,

    /// <summary>The last timestep keeps an alpha product of 2^-24, so that its sigma is finite.</summary>
    NearZero,
}
