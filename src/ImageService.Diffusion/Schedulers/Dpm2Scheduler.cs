using ImageService.Diffusion.Noise;

namespace ImageService.Diffusion.Schedulers;

/// <summary>
/// DPM-Solver-2 (Lu et al. 2022, algorithm 1) in the form of Karras et al. 2022: an Euler step to the level midway in log sigma, then the whole step with
/// the slope found there; after k-diffusion's <c>sample_dpm_2</c> and, with noise, <c>sample_dpm_2_ancestral</c>. diffusers' KDPM2DiscreteScheduler and
/// KDPM2AncestralDiscreteScheduler. Odd evaluations stand at the middle levels.
/// </summary>
internal sealed class Dpm2Scheduler : SigmaScheduler
{
    private readonly float[] _sigmas;
    private readonly float[] _middles;
    private readonly float[] _ends;
    private readonly float[] _noiseLevels;
    private readonly float[] _start;
    private readonly float[] _noise;
    private readonly NoiseGenerator? _generator;

    private Dpm2Scheduler(SchedulerSetup setup, bool ancestral, SigmaTable table, float[] ends, float[] noiseLevels, float[] middles)
        : base(setup, WithMiddles(setup, table, middles), table.InitialNoiseSigma, evaluationsPerStep: 2)
    {
        (_sigmas, _ends, _noiseLevels, _middles) = (table.Levels, ends, noiseLevels, middles);
        _start = new float[setup.Length];
        _noise = new float[ancestral ? setup.Length : 0];
        _generator = ancestral ? setup.Noise : null;
    }

    public static Dpm2Scheduler Create(SchedulerSetup setup, bool ancestral)
    {
        var table = SigmaTable.Create(setup, roundKarras: true);
        var steps = table.Levels.Length - 1;
        var (ends, noiseLevels, middles) = (new float[steps], new float[steps], new float[steps]);
        for (var i = 0; i < steps; i++)
        {
            var (from, to) = (table.Levels[i], table.Levels[i + 1]);
            (ends[i], noiseLevels[i]) = ancestral ? AncestralStep.Split(from, to) : (to, 0);
            // Midway in the logarithm; of a step to 0 the first half leads there at once.
            middles[i] = to == 0 ? 0 : MathF.Exp((MathF.Log(from) + MathF.Log(ends[i])) / 2);
        }
        return new Dpm2Scheduler(setup, ancestral, table, ends, noiseLevels, middles);
    }

    protected override float Sigma(int step) => step % 2 == 0 ? _sigmas[step / 2] : _middles[step / 2];

    protected override float NoiseLevel(int step) => _sigmas[(step + 1) / 2];

    public override void Step(int step, ReadOnlySpan<float> modelOutput, Span<float> latents)
    {
        var original = Predict(step, modelOutput, latents);
        var pair = step / 2;
        var (from, middle) = (_sigmas[pair], _middles[pair]);
        if (step % 2 == 0)
        {
            latents.CopyTo(_start);
            LatentArithmetic.StepAlong(latents, latents, original, from, middle - from, latents);
            return;
        }
        LatentArithmetic.StepAlong(_start, latents, original, middle, _ends[pair] - from, latents);
        if (_generator is null)
            return;
        _generator.Fill(_noise);
        LatentArithmetic.Add(_noiseLevels[pair], _noise, latents);
    }

    public override void SaveState(BinaryWriter writer) => LatentState.Write(writer, _start);

    public override void RestoreState(BinaryReader reader) => LatentState.Read(reader, _start);

    private static float[] WithMiddles(SchedulerSetup setup, SigmaTable table, float[] middles)
    {
        var timesteps = new List<float>(2 * middles.Length) { table.Timesteps[0] };
        for (var i = 1; i < table.Timesteps.Length; i++)
        {
            timesteps.Add((float)Sigmas.ToTimestep(middles[i - 1], setup.Schedule.LogSigmas));
            timesteps.Add(table.Timesteps[i]);
        }
        return [.. timesteps];
    }
}
