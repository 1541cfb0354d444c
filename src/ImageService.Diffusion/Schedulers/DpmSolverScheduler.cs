using ImageService.Diffusion.Noise;

namespace ImageService.Diffusion.Schedulers;

/// <summary>
/// DPM-Solver++ (Lu et al. 2022b, "DPM-Solver++: Fast Solver for Guided Sampling", algorithm 2 and equations 9 and 14; the third order after section
/// 3.3 and the first paper's appendix B) and its stochastic form (appendix A, "SDE-DPM-Solver++"), as multistep methods; diffusers'
/// DPMSolverMultistepScheduler with <c>algorithm_type</c> dpmsolver++ or sde-dpmsolver++.
/// </summary>
internal sealed class DpmSolverScheduler : VarianceScheduler
{
    private readonly MultistepOrder _order;
    private readonly bool _stochastic;
    private readonly bool _heun;
    private readonly OutputHistory _originals;
    private readonly NoiseGenerator _generator;
    private readonly float[] _noise;

    public DpmSolverScheduler(SchedulerSetup setup) : this(setup, Table(setup))
    {
    }

    private DpmSolverScheduler(SchedulerSetup setup, MultistepTable table) : base(setup, table.Timesteps, table.Levels, new OriginalLimit(setup, clip: null))
    {
        var config = setup.Config;
        _stochastic = config.AlgorithmType is "sde-dpmsolver++" or "sde-dpmsolver";
        _heun = config.SolverType == "heun";
        // A step to level 0 has an infinite h: only the first order has a limit there.
        var firstFinal = config.EulerAtFinal == true || table.Levels[^1] == 0;
        _order = new MultistepOrder(MultistepOrder.Read(config), StepCount, config.LowerOrderFinal ?? true, firstFinal);
        _originals = new OutputHistory(_order.Highest, setup.Length);
        _generator = setup.Noise;
        _noise = new float[_stochastic ? setup.Length : 0];
    }

    public override void Step(int step, ReadOnlySpan<float> modelOutput, Span<float> latents)
    {
        PredictOriginal(step, modelOutput, latents, _originals.Push());
        var order = _order.At(step, _originals.Count);
        var (alpha, sigma) = (Alphas[step + 1], NoiseLevels[step + 1]);
        var lambda = LogSnr(step);
        var h = LogSnr(step + 1) - lambda;
        // Over a step the stochastic form forgets twice as fast and puts noise in the place.
        var decay = _stochastic ? 2 * h : h;
        var sampleWeight = sigma / NoiseLevels[step] * (_stochastic ? MathF.Exp(-h) : 1);
        var forgotten = 1 - MathF.Exp(-decay);
        Span<float> weights = [alpha * forgotten, 0, 0];
        if (order > 1)
        {
            var r0 = (lambda - LogSnr(step - 1)) / h;
            var slope = alpha * (_heun || order == 3 ? 1 - forgotten / decay : 0.5f * forgotten);
            if (order == 2)
                AddDifference(weights, 0, slope / r0);
            else
                AddThirdOrder(weights, alpha, forgotten, decay, slope, r0, (LogSnr(step - 1) - LogSnr(step - 2)) / h);
        }
        LatentArithmetic.Sum(sampleWeight, latents, weights[0], _originals[0], latents);
        for (var age = 1; age < order; age++)
            LatentArithmetic.Add(weights[age], _originals[age], latents);
        if (_stochastic)
        {
            _generator.Fill(_noise);
            LatentArithmetic.Add(sigma * MathF.Sqrt(forgotten), _noise, latents);
        }
    }

    private static void AddThirdOrder(Span<float> weights, float alpha, float forgotten, float decay, float slope, float r0, float r1)
    {
        // Of the stochastic form k-diffusion's constant (sample_dpmpp_3m_sde): diffusers subtracts the half there, and does not converge.
        var curvature = alpha * ((forgotten - decay) / (decay * decay) + 0.5f);
        var second = (slope * r0 + curvature) / (r0 + r1);
        AddDifference(weights, 0, (slope + second) / r0);
        AddDifference(weights, 1, -second / r1);
    }

    private static void AddDifference(Span<float> weights, int age, float weight)
    {
        // A timestep that stands twice in a row (many steps, rounded) tells no slope.
        if (!float.IsFinite(weight))
            return;
        weights[age] += weight;
        weights[age + 1] -= weight;
    }

    public override void SaveState(BinaryWriter writer) => _originals.Save(writer);

    public override void RestoreState(BinaryReader reader) => _originals.Restore(reader);

    private static MultistepTable Table(SchedulerSetup setup)
    {
        var final = setup.FinalSigma("zero");
        // Cosine schedules: timesteps whose lambda is below the limit are left out.
        var usable = setup.Schedule.Count;
        if (setup.Config.LambdaMinClipped is { } limit)
        {
            while (usable > 1 && -setup.Schedule.LogSigmas[usable - 1] < limit)
                usable--;
        }
        return MultistepTable.Create(setup, final, setup.Config.BetaSchedule != "squaredcos_cap_v2", usable);
    }
}
