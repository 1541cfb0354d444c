using ImageService.Diffusion.Denoise;
using ImageService.Onnx.Folder;
using ImageService.Onnx.Graph;
using Microsoft.ML.OnnxRuntime;

namespace ImageService.Onnx.Sessions;

/// <summary>
/// The buffers of one <see cref="UNetBatch"/> as the session sees them. Float32 inputs are the batch's own arrays; other types have a buffer beside
/// them that is written before a call, the conditioning only when it has changed. An export with a fixed row count is called as often as it takes.
/// </summary>
internal sealed class UNetBinding : IDisposable
{
    private readonly UNetPart _part;
    private readonly UNetCalls _makes;
    private readonly List<UNetPort> _conditioning = [];
    private readonly List<UNetPort> _stepping = [];
    private readonly UNetPort _output;
    private readonly Dictionary<(int Start, int Rows), UNetCall> _calls = [];
    private long _stagedVersion = -1;
    private int _stagedRows;

    public UNetBinding(UNetPart part, UNetBatch batch, UNetCalls calls)
    {
        (_part, _makes) = (part, calls);
        var key = batch.Key;
        CheckSize("height", part.Sample.Axis(2), key.Height);
        CheckSize("width", part.Sample.Axis(3), key.Width);
        CheckSize("prompt length", part.Context.Axis(1), key.ContextLength);
        var capacity = part.FixedRows == 0 ? batch.Capacity : (batch.Capacity + part.FixedRows - 1) / part.FixedRows * part.FixedRows;
        _stepping.Add(new UNetPort(part.Sample, batch.Sample, capacity, part.Channels, key.Height, key.Width));
        _stepping.Add(part.TimestepPerRow ? new UNetPort(part.Timestep, batch.Timestep, capacity) : UNetPort.ForWholeCall(part.Timestep, batch.Timestep));
        _conditioning.Add(new UNetPort(part.Context, batch.Context, capacity, key.ContextLength, part.ContextSize));
        Add(part.Pooled, batch.Pooled, batch, capacity);
        Add(part.TimeIds, batch.TimeIds, batch, capacity);
        Add(part.Guidance, batch.GuidanceEmbedding, batch, capacity);
        _output = new UNetPort(part.Output, batch.Output, capacity, batch.OutputRow / (key.Height * key.Width), key.Height, key.Width);
        calls.Prepare(Ports);
    }

    private IEnumerable<UNetPort> Ports => [.. _stepping, .. _conditioning, _output];

    /// <param name="batch">The one it was made for, which must not be held here: its going is what frees this object.</param>
    public void Run(UNetBatch batch, RunOptions options)
    {
        var rows = batch.Rows;
        if (!_part.TimestepPerRow && batch.Timestep.AsSpan(0, rows).ContainsAnyExcept(batch.Timestep[0]))
            throw new InvalidOperationException($"{_part.Graph.Path} takes one timestep for all rows of a call.");
        Stage(batch, rows);
        var size = _part.FixedRows == 0 ? rows : _part.FixedRows;
        for (var start = 0; start < rows; start += size)
            Call(start, size).Run(options, batch.ConditioningVersion);
        _output.Unstage(rows);
    }

    public void Dispose()
    {
        foreach (var call in _calls.Values)
            call.Dispose();
        _calls.Clear();
        foreach (var port in Ports)
            port.Dispose();
    }

    private void Stage(UNetBatch batch, int rows)
    {
        foreach (var port in _stepping)
            port.Stage(rows);
        if (_stagedVersion == batch.ConditioningVersion && _stagedRows >= rows)
            return;
        foreach (var port in _conditioning)
            port.Stage(rows);
        (_stagedVersion, _stagedRows) = (batch.ConditioningVersion, rows);
    }

    private UNetCall Call(int start, int rows)
    {
        if (!_calls.TryGetValue((start, rows), out var call))
            _calls.Add((start, rows), call = _makes.Create(_stepping, _conditioning, _output, start, rows));
        return call;
    }

    private void Add(OnnxTensorInfo? input, float[] source, UNetBatch batch, int capacity)
    {
        if (input is not null)
            _conditioning.Add(new UNetPort(input, source, capacity, source.Length / batch.Capacity));
    }

    private void CheckSize(string what, int has, int wanted)
    {
        if (has > 0 && has != wanted)
            throw new ArgumentException($"{what}: {_part.Graph.Path} was exported for {has} latents or tokens and cannot take {wanted}.");
    }
}
