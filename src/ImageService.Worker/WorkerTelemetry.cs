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

    // Seconds, to ten minutes: beyond that the figure matters less than the fact.
    private static readonly InstrumentAdvice<double> Long = new() { HistogramBucketBoundaries = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600] };
    private static readonly InstrumentAdvice<double> Short = new() { HistogramBucketBoundaries = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60] };
    private static readonly InstrumentAdvice<int> Counts = new() { HistogramBucketBoundaries = [1, 2, 4, 6, 8, 12, 16, 24, 32, 48, 64, 128, 256] };

    private static readonly Histogram<int> Rows = Meter.CreateHistogram("imageservice.step.rows", "{row}", "Rows of one U-Net call, padding not counted", null, Counts);
    private static readonly Counter<long> PaddingRows = Meter.CreateCounter<long>("imageservice.step.padding", "{row}", "U-Net rows computed for nobody");
    // The unit is a word and not "1", which the Prometheus exporter would leave out of the name.
    private static readonly Gauge<double> Occupancy = Meter.CreateGauge<double>("imageservice.batch.occupancy", "ratio", "Rows used of rows allowed, in the last U-Net call");
    private static readonly Gauge<int> Budget = Meter.CreateGauge<int>("imageservice.row.budget", "{row}", "Rows that a U-Net call may have, at sizes that are configured or were measured");
    private static readonly Histogram<double> StepSeconds = Seconds("imageservice.step.duration", "One step of one batch: gather, U-Net, schedulers", Short);
    private static readonly Histogram<double> EncodeSeconds = Seconds("imageservice.encode.duration", "Prompts and start image of one job, mean of those that ended between two steps", Short);
    private static readonly Histogram<double> DecodeSeconds = Seconds("imageservice.decode.duration", "One picture in the VAE decoder, mean of those that ended between two steps", Short);
    private static readonly Histogram<double> LoadSeconds = Seconds("imageservice.model.load", "Time to load a model", Long);
    private static readonly Histogram<double> WaitSeconds = Seconds("imageservice.job.wait", "From acceptance of a job to its first lease", Long);
    private static readonly Histogram<double> JobSeconds = Seconds("imageservice.job.duration", "From a job's first lease to its end", Long);
    private static long _attempts;
    private static long _lost;

    // Reported from the start: a rate over a counter that first appears at 1 misses that 1.
    static WorkerTelemetry()
    {
        Meter.CreateObservableCounter("imageservice.job.attempts", () => Interlocked.Read(ref _attempts), "{attempt}", "Leases of jobs that counted as attempts");
        Meter.CreateObservableCounter("imageservice.leases.lost", () => Interlocked.Read(ref _lost), "{lease}", "Leases that ended under the worker's hands");
    }

    internal static void Turned(in TurnReport turn, RowPolicy rows)
    {
        if (turn.Rows > 0)
        {
            Rows.Record(turn.Rows);
            // A single picture is drawn even where it takes more rows than allowed.
            Occupancy.Record(Math.Min(1, (double)turn.Rows / rows.RowsFor(turn.Batch)));
            StepSeconds.Record(turn.StepSeconds);
            PaddingRows.Add(turn.PaddedRows - turn.Rows);
        }
        for (var i = 0; i < turn.Prepared; i++)
            EncodeSeconds.Record(turn.PrepareSeconds / turn.Prepared);
        for (var i = 0; i < turn.Decoded; i++)
            DecodeSeconds.Record(turn.DecodeSeconds / turn.Decoded);
    }

    /// <summary>A step as an event of the job's span: a span of its own would belong to one of the jobs that share it.</summary>
    internal static void Stepped(Activity draw, int step, int steps) =>
        draw.AddEvent(new ActivityEvent("step", tags: new ActivityTagsCollection { ["step"] = step, ["steps"] = steps }));

    internal static void RowBudget(string model, int width, int height, int rows) =>
        Budget.Record(rows, new("model", model), new("shape", $"{width}x{height}"));

    internal static void Loaded(double seconds) => LoadSeconds.Record(seconds);

    internal static void LeasedFirst(double waitSeconds) => WaitSeconds.Record(waitSeconds);

    /// <param name="seconds">Since the job's first lease.</param>
    internal static void Left(JobOutcome outcome, double seconds)
    {
        if (outcome is JobOutcome.Succeeded or JobOutcome.Failed)
            JobSeconds.Record(seconds);
        if (outcome != JobOutcome.Released)
            Interlocked.Increment(ref _attempts);
        if (outcome == JobOutcome.Lost)
            Interlocked.Increment(ref _lost);
    }

    private static Histogram<double> Seconds(string name, string description, InstrumentAdvice<double> advice) =>
        Meter.CreateHistogram(name, "s", description, null, advice);
}

/// <summary>How a job left this worker.</summary>
internal enum JobOutcome
{
    Succeeded,
    Failed,

    /// <summary>Ended by its caller.</summary>
    Canceled,

    /// <summary>Taken over by another worker.</summary>
    Lost,

    /// <summary>Handed back at shutdown.</summary>
    Released,
}
