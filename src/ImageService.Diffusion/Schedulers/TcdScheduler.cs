using ImageService.Diffusion.Noise;

namespace ImageService.Diffusion.Schedulers;

/// <summary>
/// Trajectory consistency distillation (Zheng et al. 2024, "strategic stochastic sampling", algorithm 4): a deterministic step past the next timestep t to
/// s = (1 - gamma) t, and noise back up to t; diffusers' TCDScheduler.
/// </summary>
internal sealed class TcdScheduler : VarianceScheduler
{
    // The paper's and diffusers' stochasticity where nothing else is asked for.
    private const float DefaultGamma = 0.3f;

    private readonly float[] _products;
    private readonly float _gamma;
    private readonly float[] _original;
    private readonly float[] _noise;
    private readonly NoiseGenerator _generator;

    public TcdScheduler(SchedulerSetup setup) : base(setup, ConsistencyTimesteps.Create(setup))
    {
        _products = setup.Schedule.AlphasCumprod.ToArray();
        _gamma = setup.Config.Gamma ?? DefaultGamma;
        if (_gamma is not (>= 0 and <= 1))
            throw new ArgumentException($"gamma must be between 0 and 1, not {_gamma}.");
        _original = new float[setup.Length];
        _noise = new float[setup.Length];
        _generator = setup.Noise;
    }

    public override void Step(int step, ReadOnlySpan<float> modelOutput, Span<float> latents)
    {
        PredictOriginal(step, modelOutput, latents, _original);
        Prediction.Noise(PredictionType, Alphas[step], NoiseLevels[step], modelOutput, latents, _original, _noise);
        var last = step == StepCount - 1;
        var next = last ? 0 : (int)Timestep(step + 1);
        var past = _products[(int)MathF.Floor((float)(1 - (double)(decimal)_gamma) * next)];
        LatentArithmetic.Sum(MathF.Sqrt(past), _original, MathF.Sqrt(1 - past), _noise, latents);
        if (last || _gamma == 0)
            return;
        var kept = _products[next] / past;
        _generator.Fill(_noise);
        LatentArithmetic.Sum(MathF.Sqrt(kept), latents, MathF.Sqrt(1 - kept), _noise, latents);
    }
}
