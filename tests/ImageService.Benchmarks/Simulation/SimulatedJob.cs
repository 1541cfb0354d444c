using ImageService.Core;
using ImageService.Diffusion.Denoise;

namespace ImageService.Benchmarks.Simulation;

/// <summary>One request through the simulated engine, and when things happened to it.</summary>
internal sealed class SimulatedJob(TimedRequest arrival, VirtualTime time) : IDenoiseListener
{
    public TimedRequest Arrival { get; } = arrival;

    /// <summary>Seconds of the virtual clock at the end of its first step; null = it had none.</summary>
    public double? FirstStepAt { get; private set; }

    /// <summary>Seconds of the virtual clock when its picture was there.</summary>
    public double? FinishedAt { get; private set; }

    /// <summary>U-Net rows computed for it.</summary>
    public long RowSteps { get; private set; }

    public double Latency => (FinishedAt ?? double.PositiveInfinity) - Arrival.At;

    public DenoiseJob ToDenoiseJob() => new(new GenerationRequest
    {
        Model = SimulatedDevice.ModelId,
        Prompt = "",
        Width = SimulatedDevice.Side,
        Height = SimulatedDevice.Side,
        NumInferenceSteps = Arrival.Steps,
        GuidanceScale = Arrival.Guidance,
        Scheduler = Arrival.Scheduler,
        Seed = Arrival.Seed,
    }, this) { Client = Arrival.Client };

    public void Progress(int step, int steps)
    {
        if (step > 0)
            FirstStepAt ??= time.Seconds;
    }

    public void Preview(PreviewLatents preview)
    {
    }

    public void Picture(DecodedPicture picture)
    {
    }

    public void Finished(DenoiseSummary summary)
    {
        FinishedAt = time.Seconds;
        RowSteps = summary.RowSteps;
    }

    public void Failed(DenoiseFailure failure) => throw new InvalidOperationException($"A simulated job failed: {failure.Message}", failure.Cause);
}
