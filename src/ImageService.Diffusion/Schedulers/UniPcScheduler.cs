namespace ImageService.Diffusion.Schedulers;

/// <summary>
/// UniPC (Zhao et al. 2023, algorithms 5 to 8, multistep): the predictor UniP, and the corrector UniC, which takes the last step once more when the model's
/// output at its end is known; diffusers' UniPCMultistepScheduler.
/// </summary>
internal sealed class UniPcScheduler : VarianceScheduler
{
    private readonly int _highest;
    private readonly bool _lowerFinal;
    private readonly bool _predictsOriginal;
    private readonly UniPcWeights _weights;
    private readonly int[] _uncorrected;
    private readonly OutputHistory _outputs;
    private readonly float[] _output;
    private readonly float[] _start;
    private int _order;

    public UniPcScheduler(SchedulerSetup setup) : this(setup, MultistepTable.Create(setup, setup.FinalSigma("zero")))
    {
    }

    private UniPcScheduler(SchedulerSetup setup, MultistepTable table)
        : base(setup, table.Timesteps, table.Levels, PredictsOriginal(setup) ? new OriginalLimit(setup, clip: null) : null)
    {
        var config = setup.Config;
        _highest = MultistepOrder.Read(config);
        _lowerFinal = config.LowerOrderFinal ?? true;
        _predictsOriginal = PredictsOriginal(setup);
        _weights = new UniPcWeights(_predictsOriginal, simple: config.SolverType == "bh1");
        _uncorrected = config.DisableCorrector ?? [];
        _outputs = new OutputHistory(_highest, setup.Length);
        _output = new float[setup.Length];
        _start = new float[setup.Length];
    }

    private static bool PredictsOriginal(SchedulerSetup setup) => setup.Config.PredictX0 ?? true;

    public override void Step(int step, ReadOnlySpan<float> modelOutput, Span<float> latents)
    {
        PredictOriginal(step, modelOutput, latents, _output);
        if (!_predictsOriginal)
            Prediction.Noise(PredictionType, Alphas[step], NoiseLevels[step], modelOutput, latents, _output, _output);
        if (_outputs.Count > 0 && Array.IndexOf(_uncorrected, step - 1) < 0)
        {
            Advance(step - 1, _order, _start, _output, latents);
        }
        _output.CopyTo(_outputs.Push());
        latents.CopyTo(_start);
        // A step to level 0 has an infinite h: only the first order has a limit there.
        var limit = _lowerFinal || NoiseLevels[step + 1] == 0 ? Math.Min(_highest, StepCount - step) : _highest;
        _order = Math.Min(limit, _outputs.Count);
        Advance(step, _order, _start, default, latents);
    }

    // From a step to the next: with the output at its end the corrector, without it the predictor.
    private void Advance(int from, int order, ReadOnlySpan<float> start, ReadOnlySpan<float> end, Span<float> latents)
    {
        var to = from + 1;
        Span<float> distances = stackalloc float[UniPcWeights.HighestOrder];
        var h = LogSnr(to) - LogSnr(from);
        for (var age = 1; age < order; age++)
            distances[age - 1] = (LogSnr(from - age) - LogSnr(from)) / h;
        Span<float> weights = stackalloc float[UniPcWeights.HighestOrder + 1];
        _weights.Solve(h, distances[..(order - 1)], corrects: !end.IsEmpty, weights);

        var (startWeight, scale) = _predictsOriginal
            ? (NoiseLevels[to] / NoiseLevels[from], Alphas[to])
            : (Alphas[to] / Alphas[from], NoiseLevels[to]);
        LatentArithmetic.Sum(startWeight, start, -scale * weights[0], _outputs[0], latents);
        for (var age = 1; age < order; age++)
            LatentArithmetic.Add(-scale * weights[age], _outputs[age], latents);
        if (!end.IsEmpty)
            LatentArithmetic.Add(-scale * weights[order], end, latents);
    }

    public override void SaveState(BinaryWriter writer)
    {
        writer.Write(_order);
        _outputs.Save(writer);
        LatentState.Write(writer, _start);
    }

    public override void RestoreState(BinaryReader reader)
    {
        _order = reader.ReadInt32();
        _outputs.Restore(reader);
        LatentState.Read(reader, _start);
    }
}
