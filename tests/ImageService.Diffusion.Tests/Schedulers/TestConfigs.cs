using ImageService.Core;
using ImageService.Diffusion.Schedulers;

namespace ImageService.Diffusion.Tests.Schedulers;

internal static class TestConfigs
{
    /// <summary>The training noise of Stable Diffusion, and nothing else: every class keeps its own defaults.</summary>
    public static SchedulerConfig StableDiffusion { get; } = new()
    {
        NumTrainTimesteps = 1000,
        BetaStart = 0.00085,
        BetaEnd = 0.012,
        BetaSchedule = "scaled_linear",
        ClipSample = false,
    };

    public static TheoryData<string> EveryScheduler => [.. SchedulerNames.All.Select(s => s.Name)];
}
