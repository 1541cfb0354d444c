using ImageService.Core;

namespace ImageService.Testing;

/// <summary>What a small model says of itself; a test changes what it is about.</summary>
internal static class FakeDescription
{
    public static ModelDescription Model { get; } = new()
    {
        Id = "fake",
        Family = ModelFamily.StableDiffusion1,
        SizeMultiple = 8,
        DefaultWidth = 64,
        DefaultHeight = 64,
        DefaultSteps = 4,
        DefaultGuidanceScale = 7.5f,
        DefaultScheduler = "euler",
        Hash = "hash-of-fake",
    };
}
