using ImageService.Diffusion.Schedulers;
using ImageService.Diffusion.Tests.Golden;

namespace ImageService.Diffusion.Tests.Schedulers;

public sealed class GoldenRunTests
{
    private static readonly GoldenRuns Goldens = GoldenFile.Read<GoldenRuns>("schedulers.json");

    public static TheoryData<string, int> Cases => [.. Goldens.Cases.Select(c => (c.Name, c.Steps))];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Latents_are_those_of_diffusers(string name, int steps)
    {
        var golden = Goldens.Cases.Single(c => c.Name == name && c.Steps == steps);
        var config = SchedulerConfig.Parse(golden.Config.GetRawText()) with { ClassName = golden.Scheduler };
        var run = GoldenRun.Create(config.SchedulerName!, config, golden.Steps, seed: golden.Seed);
        var scheduler = run.Scheduler;

        Assert.Equal(golden.Timesteps.Length, scheduler.StepCount);
        for (var i = 0; i < scheduler.StepCount; i++)
            Assert.Equal(golden.Timesteps[i], scheduler.Timestep(i), 1e-4 * Math.Max(1, golden.Timesteps[i]));
        Assert.Equal(golden.InitNoiseSigma, scheduler.InitialNoiseSigma, 1e-6 * golden.InitNoiseSigma);

        run.DrawLatents();
        for (var i = 0; i < scheduler.StepCount; i++)
        {
            run.Step(i);
            var mean = run.Latents.Average(x => (double)x);
            var deviation = Math.Sqrt(run.Latents.Sum(x => (x - mean) * (x - mean)) / (run.Latents.Length - 1));
            var (goldenMean, goldenDeviation) = (golden.PerStepMeanStd[i][0], golden.PerStepMeanStd[i][1]);
            Assert.Equal(goldenMean, mean, 1e-4 * goldenDeviation);
            Assert.Equal(goldenDeviation, deviation, 1e-4 * goldenDeviation);
        }

        var largest = golden.Final.Max(Math.Abs);
        for (var i = 0; i < golden.Final.Length; i++)
            Assert.Equal(golden.Final[i], run.Latents[i], 2e-5f * largest);
    }
}
