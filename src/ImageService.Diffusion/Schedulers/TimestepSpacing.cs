namespace ImageService.Diffusion.Schedulers;

/// <summary>How the inference steps are laid over the training timesteps (Lin et al. 2023, table 2).</summary>
internal enum TimestepSpacing
{
    Leading,
    Trailing,
    Linspace,
}
