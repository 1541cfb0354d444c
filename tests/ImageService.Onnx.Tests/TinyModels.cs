using ImageService.Diffusion;
using ImageService.Tests;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace ImageService.Onnx.Tests;

/// <summary>The tiny reference models as a folder of models, loaded once for all tests.</summary>
public sealed class TinyModels : IDisposable
{
    public static readonly string[] Names = ["tiny-sd15", "tiny-sd21-v", "tiny-sdxl", "tiny-sd15-inpaint", "tiny-sd15-scalar-timestep"];
    private readonly string _folder = Directory.CreateTempSubdirectory("imageservice-models-").FullName;
    private readonly Dictionary<string, IDiffusionModel> _loaded = [];

    public TinyModels()
    {
        foreach (var name in Names)
            GoldenFolder.CopyModel(name, _folder);
        Models = Open(_folder);
    }

    public OnnxModels Models { get; }

    private static OnnxModels Open(string folder) => new(
        Options.Create(new OnnxOptions { Models = { Path = folder }, Execution = { Provider = "cpu" } }), NullLogger<OnnxModels>.Instance);

    public IDiffusionModel Load(string name) => _loaded.TryGetValue(name, out var model) ? model : _loaded[name] = Models.Load(name);

    public void Dispose()
    {
        foreach (var model in _loaded.Values)
            model.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
