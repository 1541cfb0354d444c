using ImageService.Diffusion.Noise;

namespace ImageService.Diffusion.Schedulers;

/// <summary>
/// Latent consistency models (Luo et al. 2023, algorithm 3): the consistency function with the boundary condition of section 4.1, and noise back up to the
/// next level; diffusers' LCMScheduler.
/// </summary>
internal sealed class LcmScheduler : VarianceScheduler
{
    private const float DataDeviation = 0.5f;

    private readonly float _timestepScaling;
    private readonly float[] _original;
    private readonly float[] _noise;
    private readonly NoiseGenerator _generator;

    public LcmScheduler(SchedulerSetup setup) : base(setup, ConsistencyTimesteps.Create(setup), new OriginalLimit(setup, clip: false))
    {
        _timestepScaling = setup.Config.TimestepScaling ?? 10;
        _original = new float[setup.Length];
        _noise = new float[setup.Length];
        _generator = setup.Noise;
    }

    public override void Step(int step, ReadOnlySpan<float> modelOutput, Span<float> latents)
    {
        PredictOriginal(step, modelOutput, latents, _original);
        // c_out and c_skip: all but 1 and 0 away from timestep 0.
        var scaled = Timestep(step) * _timestepScaling;
        var variance = scaled * scaled + DataDeviation * DataDeviation;
        LatentArithmetic.Sum(scaled / MathF.Sqrt(variance), _original, DataDeviation * DataDeviation / variance, latents, latents);
        if (step == StepCount - 1)
            return;
        _generator.Fill(_noise);
        LatentArithmetic.Sum(Alphas[step + 1], latents, NoiseLevels[step + 1], _noise, latents);
    }
}
