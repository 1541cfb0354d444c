using ImageService.Diffusion.Denoise;

namespace ImageService.Diffusion.Tests.Denoise;

/// <summary>What goes wrong with a model or a scheduler ends the jobs concerned and nothing else.</summary>
public sealed class JobFailureTests
{
    [Fact]
    public void Latents_that_are_not_finite_fail_their_job_alone()
    {
        var scene = new EngineScene();
        var (_, sick) = scene.Add(EngineScene.Request(seed: 1, guidance: 1) with { NumImages = 2 });
        var (healthy, heard) = scene.Add(EngineScene.Request(seed: 2, guidance: 1));
        scene.Run(2);
        scene.Model.OnPredicted = batch => batch.Output[0] = float.NaN;
        scene.Run(1);
        scene.Model.OnPredicted = null;
        scene.Run();

        Assert.Equal("numeric", sick.Failure!.Code);
        Assert.False(sick.Failure.Retry);
        Assert.Contains("float16", sick.Failure.Message);
        DrawnAsAlone(healthy, heard);
    }

    [Fact]
    public void A_scheduler_that_throws_fails_its_job_alone()
    {
        var scene = new EngineScene();
        var (_, broken) = scene.Add(EngineScene.Request(seed: 1, scheduler: "broken") with { NumImages = 2 });
        var (healthy, heard) = scene.Add(EngineScene.Request(seed: 2));
        scene.Run();

        Assert.Equal("model_failed", broken.Failure!.Code);
        Assert.False(broken.Failure.Retry);
        Assert.EndsWith("It broke.", broken.Failure.Message);
        DrawnAsAlone(healthy, heard);
    }

    [Fact]
    public void A_model_that_throws_fails_the_jobs_of_that_batch_and_draws_the_next()
    {
        var scene = new EngineScene();
        var (_, first) = scene.Add(EngineScene.Request(seed: 1));
        var (_, second) = scene.Add(EngineScene.Request(seed: 2));
        var (_, elsewhere) = scene.Add(EngineScene.Request(seed: 3) with { Width = 24 });
        scene.Run(3);
        scene.Model.OnPredict = batch =>
        {
            if (batch.Key.Width == 2)
                throw new InvalidOperationException("out of memory");
        };
        scene.Run(2);
        scene.Model.OnPredict = null;
        var (later, heard) = scene.Add(EngineScene.Request(seed: 1));
        scene.Run();

        foreach (var failure in new[] { first.Failure, second.Failure })
        {
            Assert.Equal("model_failed", failure!.Code);
            Assert.True(failure.Retry);
        }
        Assert.NotNull(elsewhere.Summary);
        DrawnAsAlone(later, heard);
    }

    private static void DrawnAsAlone(DenoiseJob job, RecordingListener heard)
    {
        Assert.NotNull(heard.Summary);
        Assert.Equal(EngineScene.Alone(job.Request), EngineScene.Latents(job));
    }
}
