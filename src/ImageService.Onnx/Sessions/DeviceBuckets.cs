using ImageService.Onnx.Folder;
using ImageService.Onnx.Runtime;
using Microsoft.Extensions.Logging;
using Microsoft.ML.OnnxRuntime;

namespace ImageService.Onnx.Sessions;

/// <summary>
/// Calls whose buffers stay on the device: one <see cref="DeviceBucket"/> for each combination of shapes, which all batches share, since a captured graph is kept by
/// the session for as long as it lives.
/// </summary>
/// <param name="captures">The session was opened for capture.</param>
internal sealed class DeviceBuckets(InferenceSession session, IDeviceMemory memory, UNetPart part, bool captures, CaptureGate gate, ILogger logger) : UNetCalls
{
    /// <summary>Each graph keeps some MB on the host and the device, which nothing but the session's end gives back.</summary>
    public const int MostGraphs = 128;

    private readonly Dictionary<string, DeviceBucket> _buckets = [];
    private bool _full;

    public int Count => _buckets.Count;

    public override void Prepare(IEnumerable<UNetPort> ports)
    {
        foreach (var port in ports)
            port.LockPages(memory);
    }

    public override UNetCall Create(IReadOnlyList<UNetPort> stepping, IReadOnlyList<UNetPort> conditioning, UNetPort output, int start, int rows)
    {
        var shapes = string.Join(';', stepping.Concat(conditioning).Append(output).Select(p => string.Join('x', p.ShapeOf(rows))));
        if (!_buckets.TryGetValue(shapes, out var bucket))
            _buckets.Add(shapes, bucket = new DeviceBucket(session, memory, stepping, conditioning, output, rows, NextGraph(), gate));
        return new DeviceCall(bucket, memory, stepping, conditioning, output, start, rows);
    }

    public override void Dispose()
    {
        foreach (var bucket in _buckets.Values)
            bucket.Dispose();
        _buckets.Clear();
    }

    private int? NextGraph()
    {
        if (!captures)
            return null;
        if (_buckets.Count < MostGraphs)
            return _buckets.Count + 1;
        if (!_full)
            Log.GraphsFull(logger, part.Graph.Path, MostGraphs);
        _full = true;
        return DeviceBucket.NoGraph;
    }
}
