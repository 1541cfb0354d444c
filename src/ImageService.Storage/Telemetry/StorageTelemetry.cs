using System.Diagnostics;
using System.Diagnostics.Metrics;
using ImageService.Core;

namespace ImageService.Storage.Telemetry;

/// <summary>The meter and activity source of the stores; both are named <see cref="Name"/>.</summary>
public static class StorageTelemetry
{
    public const string Name = "ImageService.Storage";

    internal const string Jobs = "jobs";
    internal const string Pictures = "pictures";
    internal static readonly ActivitySource Activities = new(Name);
    private static readonly Meter Meter = new(Name);
    private static readonly Tally Errors = new("store", Jobs, Pictures);
    private static readonly Tally Ended = new("status", "succeeded", "failed", "canceled");

    // Reported from the start: a rate over a counter that first appears at 1 misses that 1.
    static StorageTelemetry()
    {
        Meter.CreateObservableCounter("imageservice.store.errors", Errors.Read, "{error}", "Failed calls to job and picture stores");
        Meter.CreateObservableCounter("imageservice.jobs.finished", Ended.Read, "{job}", "Jobs that ended");
    }

    /// <summary>A call to the job store failed, or took longer than its caller would wait.</summary>
    public static void JobStoreFailed() => Errors.Add(Jobs);

    /// <summary>A job reached a final state by a call of this process.</summary>
    public static void Finished(JobStatus status) => Ended.Add(status switch
    {
        JobStatus.Succeeded => "succeeded",
        JobStatus.Failed => "failed",
        JobStatus.Canceled => "canceled",
        _ => throw new ArgumentOutOfRangeException(nameof(status), status, "This state is not final."),
    });

    internal static void Failed(string store) => Errors.Add(store);

    /// <summary>A span below the caller's; none for calls that belong to no request or job, such as polls.</summary>
    internal static Activity? Begin(string operation) =>
        Activity.Current is null ? null : Activities.StartActivity(operation, ActivityKind.Client);
}
