namespace ImageService.Diffusion.Schedulers;

/// <summary>Timesteps and noise levels of a run in sigma form (Euler, LMS, Heun, DPM2), as diffusers' k-diffusion classes set them.</summary>
/// <param name="Timesteps">One a step.</param>
/// <param name="Levels">One a step and the level that the last step reaches.</param>
/// <param name="InitialNoiseSigma">Deviation of the first latents.</param>
internal sealed record SigmaTable(float[] Timesteps, float[] Levels, float InitialNoiseSigma)
{
    /// <param name="roundKarras">KDPM2's classes round the timesteps of Karras levels, the others keep fractions.</param>
    /// <param name="variants">The class knows the Karras, exponential and beta curves.</param>
    /// <param name="interpolates">The class knows <c>interpolation_type</c>.</param>
    /// <param name="final">Default of <c>final_sigmas_type</c>; null = the class always ends at 0.</param>
    public static SigmaTable Create(
        SchedulerSetup setup, bool roundKarras = false, bool variants = true, bool interpolates = false, string? final = null)
    {
        var schedule = setup.Schedule;
        var spacing = setup.Spacing(TimestepSpacing.Linspace);
        var timesteps = Array.ConvertAll(
            Schedulers.Timesteps.Fractional(spacing, schedule.Count, setup.Steps, setup.StepsOffset), t => (double)(float)t);
        // Log-linear levels are one more than the timesteps; the level after them is never reached.
        var levels = interpolates && setup.Config.InterpolationType == "log_linear"
            ? Sigmas.OnCurve(SigmaSpacing.Exponential, schedule.Sigmas[^1], schedule.Sigmas[0], setup.Steps + 1)
            : Sigmas.At(timesteps, schedule.Sigmas);
        var curve = variants ? setup.SigmaSpacing : SigmaSpacing.Model;
        if (curve != SigmaSpacing.Model)
        {
            levels = Sigmas.OnCurve(curve, levels[0], levels[^1], setup.Steps);
            timesteps = Array.ConvertAll(levels, sigma => Sigmas.ToTimestep(sigma, schedule.LogSigmas));
            if (roundKarras && curve == SigmaSpacing.Karras)
                timesteps = Array.ConvertAll(timesteps, Math.Round);
        }
        var sigmas = Array.ConvertAll([.. levels, final is null ? 0 : setup.FinalSigma(final)], sigma => (float)sigma);
        var max = sigmas.Max();
        // Lin et al. 2023, section 3.3: leading spacing does not begin at the noisiest timestep, so the original has its share too.
        var initial = spacing == TimestepSpacing.Leading ? MathF.Sqrt(max * max + 1) : max;
        return new SigmaTable(Array.ConvertAll(timesteps, t => (float)t), sigmas, initial);
    }
}
