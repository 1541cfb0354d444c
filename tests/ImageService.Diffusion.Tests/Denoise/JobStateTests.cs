namespace ImageService.Diffusion.Tests.Denoise;

public sealed class JobStateTests
{
    [Theory]
    [InlineData("euler")]
    [InlineData("euler_a")]
    [InlineData("dpmpp_2m")]
    [InlineData("multistep")]
    [InlineData("ancestral")]
    public void A_job_saved_at_any_step_ends_elsewhere_with_the_identical_latents(string scheduler)
    {
        var request = EngineScene.Request(steps: 6, scheduler: scheduler) with { NumImages = 2 };
        for (var turns = 0; turns < 7; turns++)
        {
            var here = new EngineScene();
            var (job, _) = here.Add(request);
            here.Run(turns);
            var state = here.Engine.Save(job);
            Assert.NotNull(state);
            Assert.False(here.Engine.HasWork);

            var there = new EngineScene();
            var (resumed, heard) = there.Add(request, state.Value);
            there.Run();

            Assert.Equal(EngineScene.Alone(request), EngineScene.Latents(resumed));
            Assert.Equal(2, heard.Pictures.Count);
            Assert.Equal(2 * 2 * 6, heard.Summary!.RowSteps);
            Assert.Equal(Math.Max(0, 6 - turns), there.Model.Calls.Count);
        }
    }

    [Fact]
    public void A_damaged_state_costs_the_work_but_not_the_picture()
    {
        var here = new EngineScene();
        var (job, _) = here.Add(EngineScene.Request(steps: 6));
        here.Run(3);
        var state = here.Engine.Save(job)!.Value.ToArray();
        foreach (var damaged in new[] { state[..7], state[..^9], [.. state, 0], Flipped(state, 60), new byte[3] })
        {
            var there = new EngineScene();
            var (again, heard) = there.Add(EngineScene.Request(steps: 6), damaged);
            there.Run();

            Assert.Equal(EngineScene.Alone(job.Request), EngineScene.Latents(again));
            Assert.Single(heard.Summary!.Warnings);
        }
    }

    [Fact]
    public void A_job_that_has_ended_has_no_state()
    {
        var scene = new EngineScene();
        var (job, heard) = scene.Add(EngineScene.Request());
        scene.Run();

        Assert.NotNull(heard.Summary);
        Assert.Null(scene.Engine.Save(job));
    }

    private static byte[] Flipped(byte[] state, int at)
    {
        var copy = state.ToArray();
        copy[at] ^= 1;
        return copy;
    }
}
