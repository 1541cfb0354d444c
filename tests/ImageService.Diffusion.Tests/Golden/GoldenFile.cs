using System.Text.Json;

namespace ImageService.Diffusion.Tests.Golden;

/// <summary>Reference numbers computed with diffusers 0.40 and torch 2.11, beside this file.</summary>
internal static class GoldenFile
{
    private static readonly JsonSerializerOptions Options = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    public static T Read<T>(string name) =>
        JsonSerializer.Deserialize<T>(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Golden", name)), Options)!;
}

internal sealed record GoldenNoise(IReadOnlyList<GoldenNoise.Case> Cases)
{
    internal sealed record Case(long Seed, int[] Shape, float[] First, float[] Last, double Mean, double Std, float[] SecondDrawFirst);
}

internal sealed record GoldenRuns(IReadOnlyList<GoldenRuns.Case> Cases)
{
    internal sealed record Case(
        string Name, string Scheduler, JsonElement Config, int Steps, long Seed, double InitNoiseSigma, double[] Timesteps, double[]? Sigmas,
        double[][] PerStepMeanStd, float[] Final)
    {
        public override string ToString() => $"{Name} in {Steps} steps";
    }
}

internal sealed record GoldenNoising(float[] Original, float[] Noise, IReadOnlyList<GoldenNoising.Case> Cases)
{
    internal sealed record Case(string Scheduler, int Steps, int Index, double Timestep, float[] Noisy);
}

internal sealed record GoldenVariants(JsonElement Training, IReadOnlyList<GoldenVariants.Case> Cases)
{
    internal sealed record Case(string Name, int Steps, JsonElement Config, float Largest, float[] First);
}
