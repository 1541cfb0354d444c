using ImageService.Diffusion.Noise;
using ImageService.Diffusion.Schedulers;

namespace ImageService.Testing;

/// <summary>
/// Not a sampler anyone would draw with, but it has all that makes schedulers differ: a model input that depends on the step, history of the outputs before
/// ("multistep"), and noise drawn while stepping ("ancestral"). "broken" throws in its second step.
/// </summary>
internal sealed class FakeScheduler(string name, int steps, int latents, NoiseGenerator noise) : IScheduler
{
    private readonly float[] _previous = new float[latents];
    private readonly float[] _noise = new float[latents];

    public int StepCount { get; } = name == "two_evaluations" ? 2 * steps : steps;
    public float InitialNoiseSigma => 1.5f;
    public float Timestep(int step) => 999f - (step * 999f / StepCount);
    public int StartStep(float strength) => (int)((1 - strength) * StepCount);

    public void ScaleModelInput(int step, ReadOnlySpan<float> latents, Span<float> into)
    {
        for (var i = 0; i < latents.Length; i++)
            into[i] = latents[i] / (1 + (0.1f * (StepCount - step)));
    }

    public void Step(int step, ReadOnlySpan<float> modelOutput, Span<float> latents)
    {
        if (name == "broken" && step == 1)
            throw new InvalidOperationException("It broke.");
        if (name == "ancestral")
            noise.Fill(_noise);
        for (var i = 0; i < latents.Length; i++)
        {
            var direction = name == "multistep" ? (1.5f * modelOutput[i]) - (0.5f * _previous[i]) : modelOutput[i];
            latents[i] += (0.2f * direction) + (0.05f * _noise[i]);
        }
        modelOutput.CopyTo(_previous);
    }

    public void AddNoise(int step, ReadOnlySpan<float> original, ReadOnlySpan<float> noise, Span<float> into) =>
        throw new InvalidOperationException("No test has a start image.");

    public void PredictOriginal(int step, ReadOnlySpan<float> modelOutput, ReadOnlySpan<float> latents, Span<float> into)
    {
        for (var i = 0; i < latents.Length; i++)
            into[i] = latents[i] - modelOutput[i];
    }

    public void SaveState(BinaryWriter writer)
    {
        foreach (var value in _previous)
            writer.Write(value);
    }

    public void RestoreState(BinaryReader reader)
    {
        for (var i = 0; i < _previous.Length; i++)
            _previous[i] = reader.ReadSingle();
    }
}

/// <summary>Seeded numbers, roughly normal, cheap.</summary>
internal sealed class FakeNoise(long seed) : NoiseGenerator
{
    private ulong _state = ((ulong)seed * 0x9E3779B97F4A7C15UL) + 1;

    public override void Fill(Span<float> into)
    {
        foreach (ref var value in into)
        {
            var sum = 0f;
            for (var i = 0; i < 4; i++)
            {
                _state = (_state * 6364136223846793005UL) + 1442695040888963407UL;
                sum += ((_state >> 40) / (float)(1 << 24)) - 0.5f;
            }
            value = sum * 1.7f;
        }
    }

    public override void SaveState(BinaryWriter writer) => writer.Write(_state);

    public override void RestoreState(BinaryReader reader) => _state = reader.ReadUInt64();
}
