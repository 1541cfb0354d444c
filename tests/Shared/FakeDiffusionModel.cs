using ImageService.Diffusion;
using ImageService.Diffusion.Denoise;
using ImageService.Diffusion.Schedulers;

namespace ImageService.Testing;

/// <summary>
/// A model whose U-Net is a formula: nonlinear in sample, timestep and context, mixing within a row and never across rows, and exact in any row of any batch.
/// </summary>
internal sealed class FakeDiffusionModel(string id = "fake", bool timestepPerRow = true, int extraChannels = 0) : IDiffusionModel
{
    public const int Channels = 4;
    public const int ContextLength = 3;
    public const int ContextSize = 2;
    public const int Scale = 8;

    public ModelInfo Info { get; } = new()
    {
        Description = FakeDescription.Model with { Id = id, SizeMultiple = Scale, DefaultWidth = 16, DefaultHeight = 16, Hash = "hash-of-" + id },
        TextEncoders = [new TextEncoderInfo(null!, ContextLength, ContextSize, 0)],
        Scheduler = new SchedulerConfig(),
        LatentChannels = Channels,
        UNetChannels = Channels + extraChannels,
        VaeScale = Scale,
        TimestepPerRow = timestepPerRow,
    };

    public bool DecodesBeside { get; set; }

    public List<(BatchKey Key, int Rows, long ConditioningVersion)> Calls { get; } = [];

    /// <summary>Off for measurements: recording allocates.</summary>
    public bool RecordCalls { get; set; } = true;

    public bool Disposed { get; private set; }

    /// <summary>Runs before each U-Net call; may throw.</summary>
    public Action<UNetBatch>? OnPredict { get; set; }

    /// <summary>Runs after each U-Net call; may spoil the output.</summary>
    public Action<UNetBatch>? OnPredicted { get; set; }

    public Action? OnDecode { get; set; }

    public void EncodeTokens(int encoder, ReadOnlySpan<int> tokens, int? clipSkip, Span<float> hidden, Span<float> pooled) =>
        throw new InvalidOperationException("Tests encode prompts with a formula.");

    public void PredictNoise(UNetBatch batch)
    {
        OnPredict?.Invoke(batch);
        if (RecordCalls)
            Calls.Add((batch.Key, batch.Rows, batch.ConditioningVersion));
        for (var row = 0; row < batch.Rows; row++)
        {
            var sample = batch.Sample.AsSpan(row * batch.SampleRow, batch.SampleRow);
            var output = batch.Output.AsSpan(row * batch.OutputRow, batch.OutputRow);
            var context = batch.Context.AsSpan(row * batch.ContextRow, batch.ContextRow);
            var timestep = batch.Timestep[timestepPerRow ? row : 0];
            for (var i = 0; i < output.Length; i++)
            {
                var neighbour = sample[(i + 7) % sample.Length];
                output[i] = MathF.Tanh((0.9f * sample[i]) + (0.3f * neighbour) + context[i % context.Length]) + (0.01f * MathF.Sin(timestep + i));
            }
        }
        OnPredicted?.Invoke(batch);
    }

    public void DecodeLatents(int height, int width, ReadOnlySpan<float> latents, Span<byte> rgb)
    {
        OnDecode?.Invoke();
        for (var i = 0; i < rgb.Length; i++)
            rgb[i] = (byte)(128 + Math.Clamp(latents[i % latents.Length] * 40, -128, 127));
    }

    public void EncodeImage(int height, int width, ReadOnlySpan<float> image, Span<float> mean, Span<float> deviation) =>
        throw new InvalidOperationException("No test has a start image.");

    public void Dispose() => Disposed = true;
}
