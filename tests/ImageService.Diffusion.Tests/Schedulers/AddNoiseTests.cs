using ImageService.Diffusion.Schedulers;
using ImageService.Diffusion.Tests.Golden;

namespace ImageService.Diffusion.Tests.Schedulers;

public sealed class AddNoiseTests
{
    private static readonly GoldenNoising Golden = GoldenFile.Read<GoldenNoising>("add_noise.json");
    private static readonly SchedulerConfig Config = TestConfigs.StableDiffusion;

    public static TheoryData<string, int> Cases => [.. Golden.Cases.Select(c => (c.Scheduler, c.Index))];

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_clean_image_is_noised_as_diffusers_does_it(string name, int index)
    {
        var golden = Golden.Cases.Single(c => c.Scheduler == name && c.Index == index);
        var scheduler = GoldenRun.Create(name, Config with { SkipPrkSteps = false }, golden.Steps, Golden.Original.Length).Scheduler;
        var noisy = new float[Golden.Original.Length];

        scheduler.AddNoise(index, Golden.Original, Golden.Noise, noisy);

        Assert.Equal(golden.Timestep, scheduler.Timestep(index), 1e-4);
        var largest = golden.Noisy.Max(Math.Abs);
        for (var i = 0; i < noisy.Length; i++)
            Assert.Equal(golden.Noisy[i], noisy[i], 1e-6f * largest);
    }
}
