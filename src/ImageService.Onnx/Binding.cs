using Microsoft.ML.OnnxRuntime;

namespace ImageService.Onnx;

/// <summary>A session bound to arrays once; each <see cref="Run"/> computes over what stands in them then. Allocates nothing.</summary>
internal sealed class Binding(SessionModel model) : IDisposable
{
    private readonly OrtIoBinding _binding = model.Session.CreateIoBinding();
    private readonly List<(BoundTensor Tensor, bool Conditioning)> _inputs = [];
    private readonly List<BoundTensor> _outputs = [];
    private long _conditioningVersion = -1;

    /// <param name="conditioning">Changes only with the version given to <see cref="Run"/>.</param>
    public Binding In(string name, Memory<float> own, bool conditioning, params long[] shape)
    {
        var tensor = new BoundTensor(own, model.Input(name).ElementDataType, shape);
        _inputs.Add((tensor, conditioning));
        _binding.BindInput(name, tensor.Value);
        return this;
    }

    public Binding Out(string name, Memory<float> own, params long[] shape)
    {
        var tensor = new BoundTensor(own, model.Session.OutputMetadata[name].ElementDataType, shape);
        _outputs.Add(tensor);
        _binding.BindOutput(name, tensor.Value);
        return this;
    }

    public void Run(long conditioningVersion = 0)
    {
        foreach (var (tensor, conditioning) in _inputs)
        {
            if (!conditioning || conditioningVersion != _conditioningVersion)
                tensor.Upload();
        }
        _conditioningVersion = conditioningVersion;
        model.Run(_binding);
        foreach (var tensor in _outputs)
            tensor.Download();
    }

    public void Dispose()
    {
        _binding.Dispose();
        foreach (var (tensor, _) in _inputs)
            tensor.Dispose();
        foreach (var tensor in _outputs)
            tensor.Dispose();
    }
}
