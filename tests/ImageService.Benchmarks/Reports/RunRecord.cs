using System.Reflection;
using System.Runtime.InteropServices;

namespace ImageService.Benchmarks.Reports;

/// <summary>Where, when and how figures were taken.</summary>
internal sealed record RunRecord(string Command, DateTimeOffset Date, string Version, string Machine, string Processor, int Cores, string Dotnet, string OnnxRuntime)
{
    public static RunRecord Of(IEnumerable<string> arguments, string onnxRuntime, TimeProvider time) => new(
        "dotnet run -c Release --project tests/ImageService.Benchmarks -- " + string.Join(' ', arguments),
        time.GetUtcNow(),
        // The SDK appends the commit.
        Assembly.GetExecutingAssembly().GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion,
        $"{RuntimeInformation.OSDescription}, {RuntimeInformation.OSArchitecture}",
        ProcessorName(),
        Environment.ProcessorCount,
        RuntimeInformation.FrameworkDescription,
        onnxRuntime);

    private static string ProcessorName()
    {
        const string CpuInfo = "/proc/cpuinfo";
        var line = File.Exists(CpuInfo) ? File.ReadLines(CpuInfo).FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal)) : null;
        return line?[(line.IndexOf(':') + 1)..].Trim() ?? Environment.GetEnvironmentVariable("PROCESSOR_IDENTIFIER") ?? "unknown";
    }
}
