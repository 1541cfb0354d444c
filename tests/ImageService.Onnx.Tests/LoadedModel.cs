using System.Collections.Concurrent;
using ImageService.Onnx.Folder;
using ImageService.Onnx.Runtime;
using Microsoft.Extensions.Logging.Abstractions;

namespace ImageService.Onnx.Tests;

/// <summary>The tiny models, loaded once, for tests that look inside.</summary>
internal static class LoadedModel
{
    private static readonly ConcurrentDictionary<string, OnnxDiffusionModel> Loaded = new();

    /// <summary>Collection of the tests that share loaded models.</summary>
    public const string OneUserAtATime = "loaded models";

    public static OrtRuntime Cpu { get; } = OrtRuntime.Start(new ExecutionOptions { Provider = "cpu" }, NullLogger.Instance);

    /// <summary>Loaded once for all tests; whoever asks is its only user while its test runs.</summary>
    public static OnnxDiffusionModel Get(string name) => Loaded.GetOrAdd(name, Load);

    private static OnnxDiffusionModel Load(string name)
    {
        using var folder = TemporaryModel.Copy(name);
        return OnnxDiffusionModel.Load(ModelFolder.Read(folder.Path), Cpu);
    }
}
