using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Globalization;
using ImageService.Core;

namespace ImageService.Api;

/// <summary>The front end's meter and activity source; both are named <see cref="Name"/>.</summary>
internal static class ApiTelemetry
{
    public const string Name = "ImageService.Api";

    public static readonly ActivitySource Activities = new(Name);
    private static readonly Meter Meter = new(Name);
    private static QueueSample? _queue;

    static ApiTelemetry()
    {
        Meter.CreateObservableGauge("imageservice.queue.depth", ReadDepth, "{job}", "Jobs in the store");
        Meter.CreateObservableGauge("imageservice.queue.waiting", ReadShapes, "{job}", "Jobs that wait, by the size of their pictures");
    }

    /// <summary>The queue as it was last seen; null = not known, and then nothing is reported.</summary>
    public static QueueSample? Queue
    {
        set => Volatile.Write(ref _queue, value);
    }

    private static IEnumerable<Measurement<int>> ReadDepth() => Volatile.Read(ref _queue) is { Depth: var depth }
        ? [new(depth.Queued, new KeyValuePair<string, object?>("state", "queued")), new(depth.Running, new KeyValuePair<string, object?>("state", "running"))]
        : [];

    private static IEnumerable<Measurement<int>> ReadShapes() => Volatile.Read(ref _queue) is { Shapes: var shapes }
        ? shapes.Select(s => new Measurement<int>(s.Queued, new KeyValuePair<string, object?>("shape", string.Create(CultureInfo.InvariantCulture, $"{s.Width}x{s.Height}"))))
        : [];
}

/// <summary>What the metrics say of the queue.</summary>
internal sealed record QueueSample(QueueDepth Depth, IReadOnlyList<ShapeDepth> Shapes);
