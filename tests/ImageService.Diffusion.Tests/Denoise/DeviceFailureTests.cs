using ImageService.Core;
using ImageService.Diffusion.Denoise;

namespace ImageService.Diffusion.Tests.Denoise;

/// <summary>A device that runs out of memory or is lost, played by a model that throws.</summary>
public sealed class DeviceFailureTests
{
    [Theory]
    [InlineData(5)]
    [InlineData(4)]
    [InlineData(2)]
    public void A_batch_that_does_not_fit_is_split_and_every_picture_is_the_one_it_would_have_been(int fits)
    {
        var scene = new EngineScene(maxRows: 8, sizes: [1, 2, 4, 6, 8]);
        scene.Model.OnPredict = batch => ThrowAbove(fits, batch);
        var jobs = Enumerable.Range(1, 4).Select(seed => (Seed: seed, Added: scene.Add(EngineScene.Request(seed, steps: 6 + seed)))).ToList();
        scene.Run();
        foreach (var (seed, (job, heard)) in jobs)
        {
            Assert.Null(heard.Failure);
            Assert.Equal(EngineScene.Alone(EngineScene.Request(seed, steps: 6 + seed)), EngineScene.Latents(job));
        }
        Assert.All(scene.Model.Calls, call => Assert.InRange(call.Rows, 1, fits));
    }

    [Fact]
    public void The_budget_of_that_size_stays_lowered_and_no_other_ones()
    {
        var failures = 0;
        var scene = new EngineScene(maxRows: 8, sizes: [1, 2, 4, 6, 8]);
        scene.Model.OnPredict = batch =>
        {
            if (batch.Key.Width == 2 && batch.Rows > 4)
                failures++;
            if (batch.Key.Width == 2)
                ThrowAbove(4, batch);
        };
        for (var seed = 1; seed <= 12; seed++)
            scene.Add(EngineScene.Request(seed));
        scene.Run();
        Assert.Equal(1, failures);
        Assert.Equal(4, scene.Model.Calls.Max(c => c.Rows));
        for (var seed = 1; seed <= 4; seed++)
            scene.Add(EngineScene.Request(seed) with { Width = 32 });
        scene.Run();
        Assert.Equal(8, scene.Model.Calls.Where(c => c.Key.Width == 4).Max(c => c.Rows));
    }

    [Fact]
    public void A_single_picture_that_does_not_fit_fails_alone_and_may_be_tried_elsewhere()
    {
        var scene = new EngineScene();
        scene.Model.OnPredict = batch => ThrowAbove(1, batch);
        var guided = scene.Add(EngineScene.Request(1));
        var unguided = scene.Add(EngineScene.Request(2, guidance: 1));
        scene.Run();
        Assert.Equal("out_of_memory", guided.Heard.Failure!.Code);
        Assert.True(guided.Heard.Failure.Retry);
        Assert.NotNull(unguided.Heard.Summary);
    }

    [Fact]
    public void Exact_pictures_keep_their_row_count_even_if_that_fails_them()
    {
        var scene = new EngineScene(exactRows: 4);
        scene.Model.OnPredict = batch => ThrowAbove(3, batch);
        var (_, heard) = scene.Add(EngineScene.Request() with { Determinism = Determinism.Exact });
        scene.Run();
        Assert.Equal("out_of_memory", heard.Failure!.Code);
        Assert.Empty(scene.Model.Calls);
    }

    [Fact]
    public void A_decoder_that_does_not_fit_fails_its_job_alone()
    {
        var scene = new EngineScene();
        var decoded = 0;
        scene.Model.OnDecode = () => _ = ++decoded == 1 ? throw new DeviceOutOfMemoryException("Failed to allocate memory") : 0;
        var heard = new[] { scene.Add(EngineScene.Request(1)).Heard, scene.Add(EngineScene.Request(2)).Heard };
        scene.Run();
        Assert.Equal("out_of_memory", Assert.Single(heard, h => h.Failure is not null).Failure!.Code);
        Assert.Single(heard, h => h.Summary is not null);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void A_lost_device_fails_nobody_and_another_engine_goes_on_from_the_last_step(int call)
    {
        var scene = new EngineScene();
        var calls = 0;
        scene.Model.OnPredict = batch => _ = ++calls >= call ? throw new DeviceLostException("CUDA failure 700") : batch;
        var requests = new[] { EngineScene.Request(1, steps: 7), EngineScene.Request(2, steps: 9) };
        var jobs = requests.Select(r => scene.Add(r)).ToList();
        Assert.Throws<DeviceLostException>(() => scene.Run());
        var states = jobs.Select(j => scene.Engine.Save(j.Job)).ToList();
        Assert.All(jobs, j => Assert.Null(j.Heard.Failure));

        var other = new EngineScene();
        foreach (var (request, state) in requests.Zip(states))
        {
            var (job, heard) = other.Add(request, state!.Value);
            other.Run();
            Assert.NotNull(heard.Summary);
            Assert.Equal(EngineScene.Alone(request), EngineScene.Latents(job));
        }
        Assert.Equal(7 + 9 - (2 * (call - 1)), other.Model.Calls.Count);
    }

    [Fact]
    public void A_device_lost_while_decoding_keeps_the_denoised_picture()
    {
        var scene = new EngineScene();
        scene.Model.OnDecode = () => throw new DeviceLostException("CUDA failure 700");
        var (job, heard) = scene.Add(EngineScene.Request());
        Assert.Throws<DeviceLostException>(() => scene.Run());
        var state = scene.Engine.Save(job);
        Assert.Null(heard.Failure);
        var other = new EngineScene();
        var (_, finished) = other.Add(EngineScene.Request(), state!.Value);
        other.Run();
        Assert.NotNull(finished.Summary);
        Assert.Empty(other.Model.Calls);
    }

    [Fact]
    public void Warming_up_calls_every_row_count_within_the_budget_until_it_is_captured_the_largest_first()
    {
        var scene = new EngineScene();
        var policy = new RowPolicy { Budget = _ => 12, Sizes = RowPolicy.DeviceSizes };
        RowWarmUp.Run(scene.Model, policy, TimeProvider.System);
        Assert.Equal(new[] { 12, 8, 6, 4, 2, 1 }.SelectMany(rows => Enumerable.Repeat(rows, 3)), scene.Model.Calls.Select(c => c.Rows));
    }

    [Fact]
    public void A_row_count_that_does_not_fit_at_warm_up_lowers_the_budget()
    {
        var scene = new EngineScene();
        scene.Model.OnPredict = batch => ThrowAbove(6, batch);
        var policy = new RowPolicy { Budget = _ => 16, Sizes = RowPolicy.DeviceSizes };
        Assert.Contains("8: no memory", RowWarmUp.Run(scene.Model, policy, TimeProvider.System));
        Assert.Equal(6, policy.RowsFor(new BatchKey("fake", 2, 2, 3)));
        Assert.Equal([6, 4, 2, 1], scene.Model.Calls.Select(c => c.Rows).Distinct());
    }

    private static void ThrowAbove(int rows, UNetBatch batch)
    {
        if (batch.Rows > rows)
            throw new DeviceOutOfMemoryException("Failed to allocate memory for requested buffer of size 1073741824");
    }
}
