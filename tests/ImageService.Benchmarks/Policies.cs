using ImageService.Diffusion.Denoise;

namespace ImageService.Benchmarks;

/// <summary>What is compared.</summary>
internal static class Policies
{
    public static IReadOnlyList<Batching> All { get; } = [Batching.Step, Batching.Equal, Batching.Padded, Batching.Serial];

    /// <summary>The product, and the way of batching that wastes nothing.</summary>
    public static IReadOnlyList<Batching> StepAndEqual { get; } = [Batching.Step, Batching.Equal];
}
