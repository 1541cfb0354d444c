namespace ImageService.Diffusion.Schedulers;

/// <summary>Denoising diffusion implicit models (Song et al. 2021), equation 12 with eta = 0; diffusers' DDIMScheduler.</summary>
internal sealed class DdimScheduler : VarianceScheduler
{
    private readonly float[] _nextProducts;
    private readonly float[] _original;
    private readonly float[] _noise;

    public DdimScheduler(SchedulerSetup setup) : this(setup, WholeTimesteps(setup))
    {
    }

    private DdimScheduler(SchedulerSetup setup, float[] timesteps) : base(setup, timesteps, new OriginalLimit(setup, clip: true))
    {
        // The next timestep is a stride away, whatever the spacing; past 0 it is the clean image, or the least noisy timestep.
        var stride = setup.Schedule.Count / setup.Steps;
        var products = setup.Schedule.AlphasCumprod.ToArray();
        var final = setup.Config.SetAlphaToOne ?? true ? 1 : products[0];
        _nextProducts = Array.ConvertAll(timesteps, t => t >= stride ? products[(int)t - stride] : final);
        _original = new float[setup.Length];
        _noise = new float[setup.Length];
    }

    public override void Step(int step, ReadOnlySpan<float> modelOutput, Span<float> latents)
    {
        PredictOriginal(step, modelOutput, latents, _original);
        Prediction.Noise(PredictionType, Alphas[step], NoiseLevels[step], modelOutput, latents, _original, _noise);
        var next = _nextProducts[step];
        LatentArithmetic.Sum(MathF.Sqrt(next), _original, MathF.Sqrt(1 - next), _noise, latents);
    }
}
