using Microsoft.ML.OnnxRuntime;

namespace ImageService.Onnx;

/// <summary>One ONNX file as a session, with sentences where its inputs or outputs are not what they should be.</summary>
internal sealed class SessionModel : IDisposable
{
    private readonly RunOptions _run = new();

    public SessionModel(OnnxRuntimeHost runtime, string path)
    {
        Path = path;
        try
        {
            using var options = runtime.NewSessionOptions();
            Session = new InferenceSession(path, options);
        }
        catch (OnnxRuntimeException e)
        {
            throw new ModelFolderException($"{path} cannot be loaded: {e.Message}", e);
        }
    }

    public string Path { get; }
    public InferenceSession Session { get; }

    public NodeMetadata Input(string name) => Session.InputMetadata.GetValueOrDefault(name)
        ?? throw new ModelFolderException($"{Path} has no input '{name}' (it has {string.Join(", ", Session.InputMetadata.Keys)}).");

    /// <summary>The first of these names that is an output.</summary>
    public string OutputNamed(params string[] names) => names.FirstOrDefault(Session.OutputMetadata.ContainsKey)
        ?? throw new ModelFolderException($"{Path} has no output '{names[0]}' (it has {string.Join(", ", Session.OutputMetadata.Keys)}).");

    /// <summary>The size of a fixed axis.</summary>
    /// <exception cref="ModelFolderException">The axis is missing or open.</exception>
    public int Axis(NodeMetadata tensor, string name, int axis)
    {
        var index = axis < 0 ? tensor.Dimensions.Length + axis : axis;
        return index >= 0 && index < tensor.Dimensions.Length && tensor.Dimensions[index] > 0 ? tensor.Dimensions[index]
            : throw new ModelFolderException($"{Path}: axis {axis} of '{name}' must have a fixed size.");
    }

    public void RefuseOtherInputs(params string[] known)
    {
        if (Session.InputMetadata.Keys.FirstOrDefault(k => !known.Contains(k)) is { } other)
            throw new ModelFolderException($"{Path} has an input '{other}' that is not known here (known: {string.Join(", ", known)}).");
    }

    public void Run(OrtIoBinding binding) => Session.RunWithBinding(_run, binding);

    public void Dispose()
    {
        Session.Dispose();
        _run.Dispose();
    }
}
