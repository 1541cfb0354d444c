namespace ImageService.Diffusion.Schedulers;

/// <summary>
/// Diffusion exponential integrator sampler (Zhang and Chen 2023), the multistep form in log rho (section 4 and appendix H.3, "rho-AB-DEIS"): the noise
/// prediction as a polynomial in log rho, integrated exactly; diffusers' DEISMultistepScheduler.
/// </summary>
internal sealed class DeisScheduler : VarianceScheduler
{
    private readonly float[] _rhos;
    private readonly MultistepOrder _order;
    private readonly OutputHistory _noises;
    private readonly float[] _original;

    public DeisScheduler(SchedulerSetup setup) : this(setup, MultistepTable.Create(setup, setup.Schedule.Sigmas[0]))
    {
    }

    private DeisScheduler(SchedulerSetup setup, MultistepTable table) : base(setup, table.Timesteps, table.Levels, new OriginalLimit(setup, clip: null))
    {
        _rhos = table.Levels;
        _order = new MultistepOrder(MultistepOrder.Read(setup.Config), StepCount, setup.Config.LowerOrderFinal ?? true, firstFinal: false);
        _noises = new OutputHistory(_order.Highest, setup.Length);
        _original = new float[setup.Length];
    }

    public override void Step(int step, ReadOnlySpan<float> modelOutput, Span<float> latents)
    {
        PredictOriginal(step, modelOutput, latents, _original);
        LatentArithmetic.SubtractAndDivide(latents, Alphas[step], _original, NoiseLevels[step], _noises.Push());
        var order = _order.At(step, _noises.Count);
        while (order > 1 && _rhos[step - order + 1] == _rhos[step - order + 2])
            order--;
        // x / alpha moves by the integral of the noise over rho.
        var alpha = Alphas[step + 1];
        for (var age = 0; age < order; age++)
        {
            var weight = Integral(_rhos[step + 1], step, age, order) - Integral(_rhos[step], step, age, order);
            LatentArithmetic.Sum(age == 0 ? alpha / Alphas[step] : 1, latents, (float)(alpha * weight), _noises[age], latents);
        }
    }

    // The integral from 0 to rho of the Lagrange basis in log rho: 1 at the level of an age, 0 at those of the others.
    private double Integral(double rho, int step, int age, int order)
    {
        var log = Math.Log(rho);
        var at = Math.Log(_rhos[step - age]);
        if (order == 1)
            return rho;
        var b = Math.Log(_rhos[step - (age + 1) % order]);
        if (order == 2)
            return rho * (log - b - 1) / (at - b);
        var c = Math.Log(_rhos[step - (age + 2) % order]);
        return rho * ((log - b) * (log - c) - (log - b) - (log - c) + 2) / ((at - b) * (at - c));
    }

    public override void SaveState(BinaryWriter writer) => _noises.Save(writer);

    public override void RestoreState(BinaryReader reader) => _noises.Restore(reader);
}
