using ImageService.Core;
using ImageService.Testing;

namespace ImageService.Api.Tests;

internal static class TestModels
{
    public static readonly ModelDescription Starter = FakeDescription.Model with
    {
        Id = "starter",
        SizeMultiple = 64,
        DefaultWidth = 256,
        DefaultHeight = 256,
        DefaultSteps = 20,
        DefaultGuidanceScale = 5,
        SupportsImageToImage = true,
        MaxClipSkip = 2,
        Hash = "00ff",
        CreatedAt = DateTimeOffset.FromUnixTimeSeconds(1_790_000_000),
    };

    public static readonly ModelDescription TextOnly = Starter with { Id = "text-only", SupportsImageToImage = false };

    /// <summary>Its text encoder gives no hidden states.</summary>
    public static readonly ModelDescription NoClipSkip = Starter with { Id = "no-clip-skip", MaxClipSkip = 0 };

    public static readonly ModelDescription Inpaint = Starter with { Id = "inpaint", RequiresMask = true };
}
