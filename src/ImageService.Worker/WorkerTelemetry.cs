using System.Diagnostics;
using System.Diagnostics.Metrics;
using ImageService.Diffusion.Denoise;

namespace ImageService.Worker;

/// <summary>The worker's meter and activity source; both are named <see cref="Name"/>.</summary>
public static class WorkerTelemetry
{
    public const string Name = "ImageService.Worker";

    internal static readonly ActivitySource Activities = new(Name);
    private static readonly Meter Meter = new(Name);

    private static readonly Histogram<int> Rows = Meter.CreateHistogram<int>("imageservice.step.rows", "{row}", "U-Net rows of a step, padding not counted");
    private static readonly Counter<long> PaddingRows = Meter.CreateCounter<long>("imageservice.step.padding", "{row}", "U-Net rows computed for nobody");
    private static readonly Histogram<double> StepSeconds = Meter.CreateHistogram<double>("imageservice.step.duration", "s", "One step of one batch: gather, U-Net, schedulers");
    private static readonly Histogram<double> EncodeSeconds = Meter.CreateHistogram<double>("imageservice.encode.duration", "s", "Prompts of the jobs admitted between two steps");
    private static readonly Histogram<double> DecodeSeconds = Meter.CreateHistogram<double>("imageservice.decode.duration", "s", "One picture in the VAE decoder");
    private static readonly Histogram<double> WaitSeconds = Meter.CreateHistogram<double>("imageservice.job.wait", "s", "From acceptance of a job to its lease");
    private static readonly Counter<long> Jobs = Meter.CreateCounter<long>("imageservice.jobs", "{job}", "Jobs that left this worker, by outcome");

    internal static void Turned(in TurnReport turn)
    {
        if (turn.Rows > 0)
        {
            Rows.Record(turn.Rows);
            StepSeconds.Record(turn.StepSeconds);
            PaddingRows.Add(turn.PaddedRows - turn.Rows);
        }
        if (turn.Admitted > 0)
            EncodeSeconds.Record(turn.EncodeSeconds);
        if (turn.DecodeSeconds > 0)
            DecodeSeconds.Record(turn.DecodeSeconds);
    }

    internal static void Leased(double waitSeconds) => WaitSeconds.Record(waitSeconds);

    internal static void Left(JobOutcome outcome) => Jobs.Add(1, new KeyValuePair<string, object?>("outcome", outcome.ToString().ToLowerInvariant()));
}

/// <summary>How a job left this worker.</summary>
internal enum JobOutcome
{
    Succeeded,
    Failed,

    /// <summary>Canceled, or taken over by another worker.</summary>
    Lost,

    /// <summary>Handed back at shutdown.</summary>
    Released,
}
