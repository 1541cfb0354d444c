using System.Globalization;
using ImageService.Onnx.Runtime;
using Microsoft.ML.OnnxRuntime;

namespace ImageService.Onnx.Sessions;

/// <summary>Device buffers of one combination of shapes, at addresses that never change, and the run that reads and writes them.</summary>
internal sealed class DeviceBucket : IDisposable
{
    /// <summary>A graph id of ONNX Runtime: run without capture and replay.</summary>
    public const int NoGraph = -1;

    private const int RunsUntilCaptured = 3; // ONNX Runtime captures after one or two ordinary runs

    private readonly InferenceSession _session;
    private readonly OrtIoBinding _binding;
    private readonly CaptureGate _gate;
    private readonly RunOptions _run = new();
    private readonly List<OrtValue> _stepping = [];
    private readonly List<OrtValue> _conditioning = [];
    private readonly List<OrtValue> _output = [];
    private int _runsBeforeCapture;

    /// <param name="graph">The session captures the first run and replays it from then on under this number; null = it does not capture.</param>
    public DeviceBucket(InferenceSession session, IDeviceMemory memory, IReadOnlyList<UNetPort> stepping, IReadOnlyList<UNetPort> conditioning, UNetPort output, int rows, int? graph, CaptureGate gate)
    {
        _session = session;
        _gate = gate;
        _runsBeforeCapture = graph is null or NoGraph ? 0 : RunsUntilCaptured;
        _binding = session.CreateIoBinding();
        try
        {
            if (graph is { } id)
                _run.AddRunConfigEntry("gpu_graph_id", id.ToString(CultureInfo.InvariantCulture));
            foreach (var port in stepping)
                _binding.BindInput(port.Name, Allocated(_stepping, port));
            foreach (var port in conditioning)
                _binding.BindInput(port.Name, Allocated(_conditioning, port));
            _binding.BindOutput(output.Name, Allocated(_output, output));
        }
        catch
        {
            Dispose();
            throw;
        }

        OrtValue Allocated(List<OrtValue> values, UNetPort port)
        {
            values.Add(memory.Allocate(port.Type, port.ShapeOf(rows)));
            return values[^1];
        }
    }

    public IReadOnlyList<OrtValue> Stepping => _stepping;
    public IReadOnlyList<OrtValue> Conditioning => _conditioning;

    /// <summary>One.</summary>
    public IReadOnlyList<OrtValue> Output => _output;

    /// <summary>Whose conditioning it holds, and of which version.</summary>
    public (object? Owner, long Version) Holds { get; set; }

    public void Run()
    {
        if (_runsBeforeCapture == 0)
        {
            _session.RunWithBinding(_run, _binding);
            return;
        }
        using var turn = _gate.Alone();
        _session.RunWithBinding(_run, _binding);
        _runsBeforeCapture--;
    }

    public void Dispose()
    {
        _binding.Dispose();
        foreach (var value in _stepping.Concat(_conditioning).Concat(_output))
            value.Dispose();
        _run.Dispose();
    }
}
