using System.Collections.Concurrent;
using System.Text.Json;
using ImageService.Onnx.Folder;
using ImageService.Onnx.Runtime;
using Microsoft.Extensions.Logging.Abstractions;

namespace ImageService.Onnx.Tests.Golden;

/// <summary>The tiny models of the reference data, with CLIP's vocabulary put beside them.</summary>
internal static class GoldenModel
{
    private static readonly ConcurrentDictionary<string, Lazy<OnnxDiffusionModel>> Loaded = new();

    /// <summary>Collection of the tests that share loaded models.</summary>
    public const string OneUserAtATime = "loaded models";

    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    public static OrtRuntime Cpu { get; } = OrtRuntime.Start(new ExecutionOptions { Provider = "cpu" }, NullLogger.Instance);

    /// <summary>Loaded once for all tests; whoever asks is its only user while its test runs.</summary>
    public static OnnxDiffusionModel Get(string name)
    {
        GoldenFiles.Shared(name);
        return Loaded.GetOrAdd(name, n => new Lazy<OnnxDiffusionModel>(() => Load(n))).Value;
    }

    public static IReadOnlyList<GoldenCase> Cases(string name) =>
        JsonSerializer.Deserialize<List<GoldenCase>>(File.ReadAllText(GoldenFiles.Shared($"{name}/expected/cases.json")), Json)!;

    private static OnnxDiffusionModel Load(string name)
    {
        using var folder = TemporaryModel.Copy(name);
        return OnnxDiffusionModel.Load(ModelFolder.Read(folder.Path), Cpu);
    }
}

/// <summary>Arguments of a diffusers pipeline.</summary>
internal sealed record GoldenCase(
    string Case, int[] LatentsShape, int Images, string Prompt, string? NegativePrompt, long Seed, int NumInferenceSteps, float GuidanceScale,
    float GuidanceRescale, string Scheduler, string? Mode, float? Strength, int? ClipSkip);
