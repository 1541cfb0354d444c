namespace ImageService.Diffusion.Schedulers;

/// <summary>
/// Euler's method on the probability-flow ODE (Karras et al. 2022, algorithm 2 without churn and without its second-order correction);
/// diffusers' EulerDiscreteScheduler.
/// </summary>
internal sealed class EulerScheduler : SigmaScheduler
{
    private readonly float[] _sigmas;

    public EulerScheduler(SchedulerSetup setup) : this(setup, SigmaTable.Create(setup, interpolates: true, final: "zero"))
    {
    }

    private EulerScheduler(SchedulerSetup setup, SigmaTable table) : base(setup, table.Timesteps, table.InitialNoiseSigma) =>
        _sigmas = table.Levels;

    protected override float Sigma(int step) => _sigmas[step];

    public override void Step(int step, ReadOnlySpan<float> modelOutput, Span<float> latents)
    {
        var original = Predict(step, modelOutput, latents);
        LatentArithmetic.StepAlong(latents, latents, original, _sigmas[step], _sigmas[step + 1] - _sigmas[step], latents);
    }
}
