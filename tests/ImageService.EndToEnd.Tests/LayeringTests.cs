using System.Text.Json;

namespace ImageService.EndToEnd.Tests;

public sealed class LayeringTests
{
    [Fact]
    public void The_API_can_never_load_ONNX()
    {
        var dependencies = Repository.Standalone.Replace("Standalone", "Api").Replace(".dll", ".deps.json");
        using var document = JsonDocument.Parse(File.ReadAllText(dependencies));
        var libraries = document.RootElement.GetProperty("libraries").EnumerateObject().Select(l => l.Name).ToList();
        Assert.Contains(libraries, l => l.StartsWith("ImageService.Storage/", StringComparison.Ordinal));
        Assert.DoesNotContain(libraries, l => l.Contains("Onnx", StringComparison.OrdinalIgnoreCase) || l.StartsWith("ImageService.Diffusion/", StringComparison.Ordinal));
    }
}
