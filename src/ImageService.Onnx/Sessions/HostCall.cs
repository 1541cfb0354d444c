using Microsoft.ML.OnnxRuntime;

namespace ImageService.Onnx.Sessions;

/// <summary>Calls that are bound to the batch's own memory.</summary>
/// <param name="copiesInputs">The device copies its inputs when they are bound, not when the session runs.</param>
internal sealed class HostCalls(InferenceSession session, bool copiesInputs) : UNetCalls
{
    public override void Prepare(IEnumerable<UNetPort> ports)
    {
        // The session reads and writes them where they are, or copies by itself.
    }

    public override UNetCall Create(IReadOnlyList<UNetPort> stepping, IReadOnlyList<UNetPort> conditioning, UNetPort output, int start, int rows) =>
        new HostCall(session, stepping, conditioning, output, start, rows, copiesInputs);

    public override void Dispose()
    {
        // Each call is its batch's own.
    }
}

internal sealed class HostCall : UNetCall
{
    private readonly InferenceSession _session;
    private readonly OrtIoBinding _binding;
    private readonly List<(string Name, OrtValue Value)> _stepping = [];
    private readonly List<(string Name, OrtValue Value)> _conditioning = [];
    private readonly OrtValue _output;
    private readonly bool _copiesInputs;
    private long _boundVersion = -1;

    public HostCall(InferenceSession session, IReadOnlyList<UNetPort> stepping, IReadOnlyList<UNetPort> conditioning, UNetPort output, int start, int rows, bool copiesInputs)
    {
        _session = session;
        _copiesInputs = copiesInputs;
        _binding = session.CreateIoBinding();
        foreach (var port in stepping)
            _stepping.Add((port.Name, port.View(start, rows)));
        foreach (var port in conditioning)
            _conditioning.Add((port.Name, port.View(start, rows)));
        _output = output.View(start, rows);
        _binding.BindOutput(output.Name, _output);
        Bind(_stepping);
        Bind(_conditioning);
    }

    public override void Run(RunOptions options, long conditioningVersion)
    {
        if (_copiesInputs)
            BindAgain(conditioningVersion);
        _session.RunWithBinding(options, _binding);
    }

    public override void Dispose()
    {
        _binding.Dispose();
        foreach (var (_, value) in _stepping)
            value.Dispose();
        foreach (var (_, value) in _conditioning)
            value.Dispose();
        _output.Dispose();
    }

    private void BindAgain(long conditioningVersion)
    {
        Bind(_stepping);
        if (_boundVersion == conditioningVersion)
            return;
        Bind(_conditioning);
        _boundVersion = conditioningVersion;
    }

    private void Bind(List<(string Name, OrtValue Value)> inputs)
    {
        foreach (var (name, value) in inputs)
            _binding.BindInput(name, value);
    }
}
