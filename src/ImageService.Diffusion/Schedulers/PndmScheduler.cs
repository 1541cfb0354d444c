namespace ImageService.Diffusion.Schedulers;

/// <summary>
/// Pseudo numerical methods for diffusion models (Liu et al. 2022): equation 9 as the transfer, the linear multistep method of equation 12, begun by
/// Runge-Kutta steps (equation 13) or, with <c>skip_prk_steps</c>, by a repeated first step (PLMS); diffusers' PNDMScheduler.
/// </summary>
internal sealed class PndmScheduler : VarianceScheduler
{
    // Adams-Bashforth of orders 1 to 4, the latest output first.
    private static readonly float[][] Weights =
    [
        [1],
        [3f / 2, -1f / 2],
        [23f / 12, -16f / 12, 5f / 12],
        [55f / 24, -59f / 24, 37f / 24, -9f / 24],
    ];

    private const int EvaluationsPerRungeKutta = 4;

    private readonly float[] _timesteps;
    private readonly float[] _products;
    private readonly float _finalProduct;
    private readonly int _stride;
    private readonly int _rungeKuttaSteps;
    private readonly OutputHistory _outputs;
    private readonly float[] _held;
    private readonly float[] _combined;
    private int _taken;

    public PndmScheduler(SchedulerSetup setup) : this(setup, setup.Config.SkipPrkSteps ?? false)
    {
    }

    private PndmScheduler(SchedulerSetup setup, bool skipRungeKutta) : base(setup, Layout(setup, skipRungeKutta))
    {
        if (PredictionType == PredictionType.Sample)
            throw new ArgumentException("prediction_type must be epsilon or v_prediction for the scheduler pndm, not sample.");
        _timesteps = Layout(setup, skipRungeKutta);
        _products = setup.Schedule.AlphasCumprod.ToArray();
        _finalProduct = setup.Config.SetAlphaToOne ?? false ? 1 : _products[0];
        _stride = setup.Schedule.Count / setup.Steps;
        _rungeKuttaSteps = skipRungeKutta ? 0 : 3 * EvaluationsPerRungeKutta;
        _outputs = new OutputHistory(4, setup.Length);
        _held = new float[setup.Length];
        _combined = new float[setup.Length];
    }

    // Runge-Kutta steps are entered at their first evaluation. (diffusers counts evaluations as steps here and enters them anywhere.)
    public override int StartStep(float strength)
    {
        var start = base.StartStep(strength);
        return start + Math.Min(start, _rungeKuttaSteps / EvaluationsPerRungeKutta) * (EvaluationsPerRungeKutta - 1);
    }

    public override void Step(int step, ReadOnlySpan<float> modelOutput, Span<float> latents)
    {
        var timestep = (int)_timesteps[step];
        if (step < _rungeKuttaSteps)
            StepRungeKutta(step, timestep, modelOutput, latents);
        else
            StepMultistep(timestep, modelOutput, latents);
        _taken++;
    }

    private void StepRungeKutta(int step, int timestep, ReadOnlySpan<float> output, Span<float> latents)
    {
        var phase = step % EvaluationsPerRungeKutta;
        if (phase == 0)
        {
            output.CopyTo(_outputs.Push());
            latents.CopyTo(_held);
            Array.Clear(_combined);
        }
        var next = timestep - (phase % 2 == 0 ? _stride / 2 : 0);
        var from = (int)_timesteps[step - phase];
        LatentArithmetic.Add(phase is 0 or 3 ? 1f / 6 : 1f / 3, output, _combined);
        Transfer(from, next, _held, phase == 3 ? _combined : output, latents);
    }

    private void StepMultistep(int timestep, ReadOnlySpan<float> output, Span<float> latents)
    {
        var (from, next) = (timestep, timestep - _stride);
        if (_taken == 1 && _rungeKuttaSteps == 0)
        {
            // The first step once more, with the mean of the slopes at both of its ends.
            LatentArithmetic.Sum(0.5f, output, 0.5f, _outputs[0], _combined);
            Transfer(timestep + _stride, timestep, _held, _combined, latents);
            return;
        }
        output.CopyTo(_outputs.Push());
        if (_taken == 0)
            latents.CopyTo(_held);
        var weights = Weights[_outputs.Count - 1];
        Array.Clear(_combined);
        for (var age = 0; age < weights.Length; age++)
            LatentArithmetic.Add(weights[age], _outputs[age], _combined);
        Transfer(from, next, latents, _combined, latents);
    }

    // Equation 9.
    private void Transfer(int from, int next, ReadOnlySpan<float> sample, ReadOnlySpan<float> output, Span<float> into)
    {
        var product = _products[Math.Min(from, _products.Length - 1)];
        var nextProduct = next >= 0 ? _products[next] : _finalProduct;
        var sampleWeight = MathF.Sqrt(nextProduct / product);
        var noiseWeight = (nextProduct - product)
            / (product * MathF.Sqrt(1 - nextProduct) + MathF.Sqrt(product * (1 - product) * nextProduct));
        if (PredictionType == PredictionType.Velocity)
        {
            // The noise is alpha * v + sigma * sample.
            sampleWeight -= noiseWeight * MathF.Sqrt(1 - product);
            noiseWeight *= MathF.Sqrt(product);
        }
        LatentArithmetic.Sum(sampleWeight, sample, -noiseWeight, output, into);
    }

    public override void SaveState(BinaryWriter writer)
    {
        writer.Write(_taken);
        _outputs.Save(writer);
        LatentState.Write(writer, _held);
        LatentState.Write(writer, _combined);
    }

    public override void RestoreState(BinaryReader reader)
    {
        _taken = reader.ReadInt32();
        _outputs.Restore(reader);
        LatentState.Read(reader, _held);
        LatentState.Read(reader, _combined);
    }

    private static float[] Layout(SchedulerSetup setup, bool skipRungeKutta)
    {
        var (trainSteps, steps) = (setup.Schedule.Count, setup.Steps);
        var spaced = Timesteps.Whole(setup.Spacing(TimestepSpacing.Leading), trainSteps, steps, setup.StepsOffset);
        if (skipRungeKutta)
            return [.. PndmTimesteps.RepeatedSecond(spaced)];
        if (steps < 4)
            throw new ArgumentException($"num_inference_steps must be at least 4 for the scheduler pndm with Runge-Kutta steps, not {steps}.");
        return [.. PndmTimesteps.RungeKutta(spaced, trainSteps / steps / 2)];
    }
}
