using System.Collections.Concurrent;

namespace ImageService.Deployment.Tests.Charts;

/// <summary>The sets of values the chart is tested with, each rendered once.</summary>
internal static class Profiles
{
    public const string Chart = "deploy/helm/imageservice";

    private static readonly ConcurrentDictionary<string, Task<string>> Rendered = new();

    public static TheoryData<string> All => new(Files.Keys);

    /// <summary>Those with an API and workers of their own.</summary>
    public static TheoryData<string> Distributed => new(Files.Keys.Where(name => name != "standalone"));

    private static Dictionary<string, string> Files { get; } = new()
    {
        ["default"] = $"{Chart}/values.yaml",
        ["minimal"] = $"{Chart}/values-minimal.yaml",
        ["gpu"] = $"{Chart}/values-gpu.yaml",
        ["standalone"] = $"{Chart}/values-standalone.yaml",
        ["everything"] = "tests/ImageService.Deployment.Tests/Values/everything.yaml",
    };

    public static string ValuesFile(string profile) => Repository.PathOf(Files[profile]);

    /// <summary>What Kubernetes would be given, as YAML.</summary>
    public static Task<string> RenderAsync(string profile) => Rendered.GetOrAdd(profile, name => Tool.Helm.SucceedAsync(
        "template", "demo", Repository.PathOf(Chart), "--namespace", "pictures", "--values", ValuesFile(name)));

    /// <summary>The manifests as objects; a field that its kind does not have is an error.</summary>
    public static async Task<Manifests> LoadAsync(string profile) => Manifests.Parse(await RenderAsync(profile));
}
