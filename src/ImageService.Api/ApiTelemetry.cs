using System.Diagnostics;
using System.Diagnostics.Metrics;
using ImageService.Core;

namespace ImageService.Api;

/// <summary>The front end's meter and activity source; both are named <see cref="Name"/>.</summary>
internal static class ApiTelemetry
{
    public const string Name = "ImageService.Api";

    public static readonly ActivitySource Activities = new(Name);
    private static readonly Meter Meter = new(Name);
    private static StrongBox? _depth;

    static ApiTelemetry() => Meter.CreateObservableGauge("imageservice.queue.depth", ReadDepth, "{job}", "Jobs in the store");

    /// <summary>The last depth seen; null = not known, and then nothing is reported.</summary>
    public static QueueDepth? Depth
    {
        set => Volatile.Write(ref _depth, value is { } depth ? new StrongBox(depth) : null);
    }

    private static IEnumerable<Measurement<int>> ReadDepth() => Volatile.Read(ref _depth) is { Value: var depth }
        ? [new(depth.Queued, new KeyValuePair<string, object?>("state", "queued")), new(depth.Running, new KeyValuePair<string, object?>("state", "running"))]
        : [];

    private sealed record StrongBox(QueueDepth Value);
}
