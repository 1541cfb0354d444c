using ImageService.Core;
using ImageService.Diffusion;
using ImageService.Diffusion.Denoise;
using ImageService.Diffusion.Schedulers;

namespace ImageService.Benchmarks.Simulation;

/// <summary>A model that computes nothing and takes its time: each call turns the clock by what the real device takes. Its pictures are one latent small.</summary>
internal sealed class SimulatedDevice(DeviceCosts costs, SimulatedLane lane) : IDiffusionModel, IModelSource
{
    public const string ModelId = "simulated";

    /// <summary>Pixels a side.</summary>
    public const int Side = 8;

    public ModelInfo Info { get; } = new()
    {
        Description = new ModelDescription
        {
            Id = ModelId,
            Family = ModelFamily.StableDiffusion1,
            SizeMultiple = Side,
            DefaultWidth = Side,
            DefaultHeight = Side,
            DefaultSteps = 30,
            DefaultGuidanceScale = 7.5f,
            DefaultScheduler = "dpmpp_2m",
            Hash = "",
        },
        TextEncoders = [new TextEncoderInfo(null!, ContextLength: 1, HiddenSize: 1, PooledSize: 0)],
        Scheduler = new SchedulerConfig(),
        VaeScale = Side,
    };

    /// <summary>U-Net calls so far.</summary>
    public long Calls { get; private set; }

    /// <summary>Seconds of the last U-Net call, had it had the device to itself.</summary>
    public double LastCall { get; private set; }

    /// <summary>Hears of each U-Net call at its end.</summary>
    public Action? Called { get; set; }

    public ModelAvailability Find(string id, Func<IDiffusionModel, bool> inUse, out IDiffusionModel? model)
    {
        model = this;
        return ModelAvailability.Ready;
    }

    public void EncodeTokens(int encoder, ReadOnlySpan<int> tokens, int? clipSkip, Span<float> hidden, Span<float> pooled) =>
        lane.Take(costs.EncodePrompt / 1000);

    public void PredictNoise(UNetBatch batch)
    {
        Calls++;
        LastCall = costs.Call(batch.Rows) / 1000;
        lane.Take(LastCall);
        Called?.Invoke();
    }

    public void DecodeLatents(int height, int width, ReadOnlySpan<float> latents, Span<byte> rgb) => lane.Take(costs.DecodePicture / 1000);

    public void EncodeImage(int height, int width, ReadOnlySpan<float> image, Span<float> mean, Span<float> deviation) =>
        throw new InvalidOperationException("Simulated jobs draw from text.");

    public void Dispose()
    {
    }
}
