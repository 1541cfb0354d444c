namespace ImageService.Diffusion.Schedulers;

/// <summary>
/// Heun's second-order method (Karras et al. 2022, algorithm 2 without churn): an Euler step, then the same step with the mean of the slopes at both ends.
/// The last step, to level 0, is Euler's alone. diffusers' HeunDiscreteScheduler. Odd evaluations are corrections.
/// </summary>
internal sealed class HeunScheduler : SigmaScheduler
{
    private readonly float[] _sigmas;
    private readonly float[] _start;
    private readonly float[] _slope;
    private readonly OriginalLimit _limit;

    public HeunScheduler(SchedulerSetup setup) : this(setup, SigmaTable.Create(setup))
    {
    }

    private HeunScheduler(SchedulerSetup setup, SigmaTable table)
        : base(setup, Twice(table.Timesteps), table.InitialNoiseSigma, evaluationsPerStep: 2)
    {
        _sigmas = table.Levels;
        _start = new float[setup.Length];
        _slope = new float[setup.Length];
        _limit = new OriginalLimit(setup, clip: false, thresholds: false);
    }

    protected override float Sigma(int step) => _sigmas[(step + 1) / 2];

    public override void PredictOriginal(int step, ReadOnlySpan<float> modelOutput, ReadOnlySpan<float> latents, Span<float> into)
    {
        base.PredictOriginal(step, modelOutput, latents, into);
        _limit.Apply(into);
    }

    public override void Step(int step, ReadOnlySpan<float> modelOutput, Span<float> latents)
    {
        var original = Predict(step, modelOutput, latents);
        var pair = step / 2;
        var length = _sigmas[pair + 1] - _sigmas[pair];
        if (step % 2 == 0)
        {
            latents.CopyTo(_start);
            LatentArithmetic.SubtractAndDivide(latents, 1, original, _sigmas[pair], _slope);
        }
        else
        {
            LatentArithmetic.SubtractAndDivide(latents, 1, original, _sigmas[pair + 1], latents);
            LatentArithmetic.Sum(0.5f, _slope, 0.5f, latents, _slope);
        }
        LatentArithmetic.Sum(1, _start, length, _slope, latents);
    }

    public override void SaveState(BinaryWriter writer)
    {
        LatentState.Write(writer, _start);
        LatentState.Write(writer, _slope);
    }

    public override void RestoreState(BinaryReader reader)
    {
        LatentState.Read(reader, _start);
        LatentState.Read(reader, _slope);
    }

    // Every timestep but the first is evaluated as the end of one step and the beginning of the next.
    private static float[] Twice(float[] timesteps) => [.. timesteps[..1], .. timesteps[1..].SelectMany(t => new[] { t, t })];
}
