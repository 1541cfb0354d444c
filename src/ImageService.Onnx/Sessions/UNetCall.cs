using Microsoft.ML.OnnxRuntime;

namespace ImageService.Onnx.Sessions;

/// <summary>A run of the U-Net over some rows of a batch, its buffers bound beforehand.</summary>
internal sealed class UNetCall : IDisposable
{
    private readonly InferenceSession _session;
    private readonly OrtIoBinding _binding;
    private readonly List<(string Name, OrtValue Value)> _stepping = [];
    private readonly List<(string Name, OrtValue Value)> _conditioning = [];
    private readonly OrtValue _output;
    private readonly bool _copiesInputs;
    private long _boundVersion = -1;

    public UNetCall(InferenceSession session, List<UNetPort> stepping, List<UNetPort> conditioning, UNetPort output, int start, int rows, bool copiesInputs)
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

    public void Run(RunOptions options, long conditioningVersion)
    {
        if (_copiesInputs)
            BindAgain(conditioningVersion);
        _session.RunWithBinding(options, _binding);
    }

    public void Dispose()
    {
        _binding.Dispose();
        foreach (var (_, value) in _stepping)
            value.Dispose();
        foreach (var (_, value) in _conditioning)
            value.Dispose();
        _output.Dispose();
    }

    // On a GPU, binding is what copies an input to the device.
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
