using ImageService.Diffusion.Noise;

namespace ImageService.Diffusion.Schedulers;

/// <summary>What every scheduler is made from.</summary>
/// <param name="Config">The model's settings, with what the scheduler's name says written over them; null = the class's own default.</param>
/// <param name="Schedule">The noise levels of training.</param>
/// <param name="Steps">Steps asked for, 1..training timesteps.</param>
/// <param name="Length">Floats of the latents.</param>
/// <param name="Noise">The picture's generator, for schedulers that draw noise.</param>
internal sealed record SchedulerSetup(SchedulerConfig Config, NoiseSchedule Schedule, int Steps, int Length, NoiseGenerator Noise)
{
    public PredictionType PredictionType => Config.PredictionType switch
    {
        null or "epsilon" => PredictionType.Epsilon,
        "v_prediction" => PredictionType.Velocity,
        "sample" or "original_sample" => PredictionType.Sample,
        var other => throw new ArgumentException($"prediction_type must be epsilon, v_prediction or sample, not '{other}'."),
    };

    public SigmaSpacing SigmaSpacing =>
        Config.UseKarrasSigmas == true ? SigmaSpacing.Karras
        : Config.UseExponentialSigmas == true ? SigmaSpacing.Exponential
        : Config.UseBetaSigmas == true ? SigmaSpacing.Beta
        : SigmaSpacing.Model;

    public int StepsOffset => Config.StepsOffset ?? 0;

    public TimestepSpacing Spacing(TimestepSpacing fallback) => Config.TimestepSpacing switch
    {
        null => fallback,
        "leading" => TimestepSpacing.Leading,
        "trailing" => TimestepSpacing.Trailing,
        "linspace" => TimestepSpacing.Linspace,
        var other => throw new ArgumentException($"timestep_spacing must be leading, trailing or linspace, not '{other}'."),
    };

    /// <summary>Where the last step ends: 0, or the least level of training.</summary>
    public float FinalSigma(string fallback) => (Config.FinalSigmasType ?? fallback) switch
    {
        "zero" => 0,
        "sigma_min" => Schedule.Sigmas[0],
        var other => throw new ArgumentException($"final_sigmas_type must be zero or sigma_min, not '{other}'."),
    };
}
