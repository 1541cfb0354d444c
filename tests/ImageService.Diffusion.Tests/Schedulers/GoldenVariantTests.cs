using ImageService.Diffusion.Schedulers;
using ImageService.Diffusion.Tests.Golden;

namespace ImageService.Diffusion.Tests.Schedulers;

/// <summary>
/// Settings that the reference runs do not have: every sigma curve, prediction and spacing of every scheduler, and what their classes can be told.
/// </summary>
public sealed class GoldenVariantTests
{
    private const int Length = 64;
    private static readonly GoldenVariants Golden = GoldenFile.Read<GoldenVariants>("variants.json");

    public static TheoryData<string> Names => [.. Golden.Cases.Select(c => c.Name).Distinct()];

    [Theory]
    [MemberData(nameof(Names))]
    public void Latents_follow_the_formulas_of_diffusers(string name)
    {
        var training = Golden.Training.GetRawText();
        foreach (var golden in Golden.Cases.Where(c => c.Name == name))
        {
            var settings = golden.Config.GetRawText();
            var config = SchedulerConfig.Parse($"{training[..^1]},{settings[1..]}");
            var run = GoldenRun.Create(name, config, golden.Steps, Length);
            run.DrawLatents();
            for (var step = 0; step < run.Scheduler.StepCount; step++)
                run.Step(step);
            for (var i = 0; i < golden.First.Length; i++)
            {
                Assert.True(
                    Math.Abs(golden.First[i] - run.Latents[i]) <= 1e-4f * golden.Largest,
                    $"{settings} in {golden.Steps} steps, element {i}: {run.Latents[i]} instead of {golden.First[i]}");
            }
        }
    }
}
