using ImageService.Diffusion.Noise;

namespace ImageService.Diffusion.Schedulers;

/// <summary>
/// Denoising diffusion probabilistic models (Ho et al. 2020): the posterior's mean of equation 7 and noise of its variance (<c>variance_type</c>); diffusers'
/// DDPMScheduler.
/// </summary>
internal sealed class DdpmScheduler : VarianceScheduler
{
    private readonly float[] _products;
    private readonly bool _fixedLarge;
    private readonly float[] _original;
    private readonly float[] _noise;
    private readonly NoiseGenerator _generator;

    public DdpmScheduler(SchedulerSetup setup) : this(setup, WholeTimesteps(setup))
    {
    }

    private DdpmScheduler(SchedulerSetup setup, float[] timesteps) : base(setup, timesteps, new OriginalLimit(setup, clip: true))
    {
        var products = setup.Schedule.AlphasCumprod.ToArray();
        // One for each step, then that of the clean image.
        _products = [.. timesteps.Select(t => products[(int)t]), 1];
        _fixedLarge = setup.Config.VarianceType switch
        {
            null or "fixed_small" or "fixed_small_log" => false,
            "fixed_large" or "fixed_large_log" => true,
            var other => throw new ArgumentException($"variance_type must be fixed_small or fixed_large, not '{other}'."),
        };
        _original = new float[setup.Length];
        _noise = new float[setup.Length];
        _generator = setup.Noise;
    }

    public override void Step(int step, ReadOnlySpan<float> modelOutput, Span<float> latents)
    {
        PredictOriginal(step, modelOutput, latents, _original);
        var (product, next) = (_products[step], _products[step + 1]);
        var alpha = product / next;
        var beta = 1 - alpha;
        var originalWeight = MathF.Sqrt(next) * beta / (1 - product);
        var latentWeight = MathF.Sqrt(alpha) * (1 - next) / (1 - product);
        LatentArithmetic.Sum(originalWeight, _original, latentWeight, latents, latents);
        if (Timestep(step) == 0)
            return;
        var variance = _fixedLarge ? beta : Math.Max((1 - next) / (1 - product) * beta, 1e-20f);
        _generator.Fill(_noise);
        LatentArithmetic.Add(MathF.Sqrt(variance), _noise, latents);
    }
}
