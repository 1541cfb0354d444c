namespace ImageService.Diffusion.Schedulers;

/// <summary>
/// Schedulers in variance-preserving form: latents are alpha * original + sigma * noise with alpha^2 + sigma^2 = 1 (Ho et al. 2020, equation 4).
/// </summary>
internal abstract class VarianceScheduler : DiscreteScheduler
{
    private readonly float[] _alphas;
    private readonly float[] _sigmas;
    private readonly OriginalLimit? _limit;

    /// <summary>For schedulers whose steps stand at whole training timesteps.</summary>
    /// <param name="limit">Kept by every predicted original; null = none.</param>
    protected VarianceScheduler(SchedulerSetup setup, float[] timesteps, OriginalLimit? limit = null) : base(timesteps, setup.Steps)
    {
        _limit = limit;
        PredictionType = setup.PredictionType;
        var products = setup.Schedule.AlphasCumprod.ToArray();
        _alphas = Array.ConvertAll(timesteps, t => MathF.Sqrt(products[(int)t]));
        _sigmas = Array.ConvertAll(timesteps, t => MathF.Sqrt(1 - products[(int)t]));
    }

    /// <summary>For schedulers whose steps stand at levels of noise to original, which need not be those of a timestep.</summary>
    /// <param name="levels">One a step, and the level that the last step reaches.</param>
    /// <param name="limit">Kept by every predicted original; null = none.</param>
    protected VarianceScheduler(SchedulerSetup setup, float[] timesteps, float[] levels, OriginalLimit? limit = null) : base(timesteps, setup.Steps)
    {
        _limit = limit;
        PredictionType = setup.PredictionType;
        _alphas = Array.ConvertAll(levels, level => 1 / MathF.Sqrt(level * level + 1));
        _sigmas = new float[levels.Length];
        for (var i = 0; i < levels.Length; i++)
            _sigmas[i] = levels[i] * _alphas[i];
    }

    /// <summary>The latents begin as plain noise of deviation 1.</summary>
    public override float InitialNoiseSigma => 1;

    protected PredictionType PredictionType { get; }

    protected ReadOnlySpan<float> Alphas => _alphas;

    protected ReadOnlySpan<float> NoiseLevels => _sigmas;

    /// <summary>log(alpha / sigma), half the logarithm of the signal-to-noise ratio: lambda in the papers on solvers.</summary>
    protected float LogSnr(int step) => MathF.Log(_alphas[step]) - MathF.Log(_sigmas[step]);

    public override void ScaleModelInput(int step, ReadOnlySpan<float> latents, Span<float> into) => latents.CopyTo(into);

    public override void AddNoise(int step, ReadOnlySpan<float> original, ReadOnlySpan<float> noise, Span<float> into) =>
        LatentArithmetic.Sum(_alphas[step], original, _sigmas[step], noise, into);

    public override void PredictOriginal(int step, ReadOnlySpan<float> modelOutput, ReadOnlySpan<float> latents, Span<float> into)
    {
        Prediction.Original(PredictionType, _alphas[step], _sigmas[step], modelOutput, latents, into);
        _limit?.Apply(into);
    }

    /// <summary>The timesteps of DDIM and DDPM.</summary>
    protected static float[] WholeTimesteps(SchedulerSetup setup) => Array.ConvertAll(
        Timesteps.Whole(setup.Spacing(TimestepSpacing.Leading), setup.Schedule.Count, setup.Steps, setup.StepsOffset), t => (float)t);
}
