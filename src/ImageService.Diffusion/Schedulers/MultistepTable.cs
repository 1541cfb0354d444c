namespace ImageService.Diffusion.Schedulers;

/// <summary>Timesteps and levels (sigma / alpha) of a run for the multistep solvers (DPM++, UniPC, DEIS).</summary>
/// <param name="Timesteps">One a step, whole.</param>
/// <param name="Levels">One a step and the level that the last step reaches.</param>
internal sealed record MultistepTable(float[] Timesteps, float[] Levels)
{
    /// <param name="final">The level that the last step reaches.</param>
    /// <param name="roundKarras">Timesteps of a Karras curve are rounded; those of the other curves are cut to whole numbers.</param>
    /// <param name="usable">Training timesteps that may be used; null = all.</param>
    public static MultistepTable Create(SchedulerSetup setup, float final, bool roundKarras = true, int? usable = null)
    {
        var schedule = setup.Schedule;
        var curve = setup.SigmaSpacing;
        double[] timesteps, levels;
        if (curve == SigmaSpacing.Model)
        {
            timesteps = Schedulers.Timesteps.Multistep(
                setup.Spacing(TimestepSpacing.Linspace), schedule.Count, usable ?? schedule.Count, setup.Steps, setup.StepsOffset);
            levels = Sigmas.At(timesteps, schedule.Sigmas);
        }
        else
        {
            levels = Sigmas.OnCurve(curve, schedule.Sigmas[^1], schedule.Sigmas[0], setup.Steps);
            timesteps = Array.ConvertAll(levels, sigma => Sigmas.ToTimestep(sigma, schedule.LogSigmas));
            if (roundKarras && curve == SigmaSpacing.Karras)
                timesteps = Array.ConvertAll(timesteps, Math.Round);
        }
        return new MultistepTable(
            Array.ConvertAll(timesteps, t => (float)Math.Truncate(t)), Array.ConvertAll([.. levels, final], level => (float)level));
    }
}
