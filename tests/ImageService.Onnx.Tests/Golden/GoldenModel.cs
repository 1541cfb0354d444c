using System.Collections.Concurrent;
using ImageService.Onnx.Folder;
using ImageService.Onnx.Runtime;
using ImageService.Tests;
using Microsoft.Extensions.Logging.Abstractions;

namespace ImageService.Onnx.Tests.Golden;

/// <summary>The tiny models of the reference data, with CLIP's vocabulary put beside them.</summary>
internal static class GoldenModel
{
    private static readonly ConcurrentDictionary<string, Lazy<OnnxDiffusionModel>> Loaded = new();

    /// <summary>Collection of the tests that share loaded models.</summary>
    public const string OneUserAtATime = "loaded models";

    public static OrtRuntime Cpu { get; } = OrtRuntime.Start(new ExecutionOptions { Provider = "cpu" }, NullLogger.Instance);

    /// <summary>Loaded once for all tests; whoever asks is its only user while its test runs.</summary>
    public static OnnxDiffusionModel Get(string name)
    {
        GoldenFolder.Find(name);
        return Loaded.GetOrAdd(name, n => new Lazy<OnnxDiffusionModel>(() => Load(n))).Value;
    }

    private static OnnxDiffusionModel Load(string name)
    {
        using var folder = TemporaryModel.Copy(name);
        return OnnxDiffusionModel.Load(ModelFolder.Read(folder.Path), Cpu);
    }
}
