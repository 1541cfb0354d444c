using ImageService.Diffusion.Noise;

namespace ImageService.Diffusion.Schedulers;

/// <summary>
/// Euler's method to a level below the next one and fresh noise back up to it: ancestral sampling (Ho et al. 2020, algorithm 2) in sigma form,
/// after k-diffusion's <c>sample_euler_ancestral</c>; diffusers' EulerAncestralDiscreteScheduler.
/// </summary>
internal sealed class EulerAncestralScheduler : SigmaScheduler
{
    private readonly float[] _sigmas;
    private readonly float[] _noise;
    private readonly NoiseGenerator _generator;

    public EulerAncestralScheduler(SchedulerSetup setup) : this(setup, SigmaTable.Create(setup, variants: false))
    {
    }

    private EulerAncestralScheduler(SchedulerSetup setup, SigmaTable table) : base(setup, table.Timesteps, table.InitialNoiseSigma)
    {
        _sigmas = table.Levels;
        _noise = new float[setup.Length];
        _generator = setup.Noise;
    }

    protected override float Sigma(int step) => _sigmas[step];

    public override void Step(int step, ReadOnlySpan<float> modelOutput, Span<float> latents)
    {
        var original = Predict(step, modelOutput, latents);
        var (from, to) = (_sigmas[step], _sigmas[step + 1]);
        var (down, up) = AncestralStep.Split(from, to);
        LatentArithmetic.StepAlong(latents, latents, original, from, down - from, latents);
        _generator.Fill(_noise);
        LatentArithmetic.Add(up, _noise, latents);
    }
}
