using ImageService.Diffusion;
using ImageService.Diffusion.Denoise;
using ImageService.Testing;
using ImageService.Worker.Health;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace ImageService.Worker.Tests;

public sealed class EngineThreadTests
{
    private readonly Journal _journal = new();

    [Fact]
    public async Task Jobs_for_more_models_than_fit_are_all_drawn_although_the_first_model_never_runs_dry()
    {
        var loads = new List<string>();
        using var thread = Thread(id =>
        {
            lock (loads)
                loads.Add(id);
            return new FakeDiffusionModel(id);
        });
        for (var i = 0; i < 30; i++)
            thread.Add(Job("a", seed: i));
        thread.Add(Job("b", seed: 100));
        for (var i = 30; i < 60; i++)
            thread.Add(Job("a", seed: i));
        await _journal.Has("finished", times: 61);

        Assert.Equal("a", loads[0]);
        Assert.Contains("b", loads);
    }

    [Fact]
    public async Task A_model_that_cannot_be_loaded_fails_its_jobs_and_no_others()
    {
        using var thread = Thread(id => id == "bad" ? throw new IOException("unet/model.onnx is missing") : new FakeDiffusionModel(id));
        thread.Add(Job("bad"));
        thread.Add(Job("good"));
        thread.Add(Job("bad"));
        await _journal.Has("failed model_unavailable", times: 2);
        await _journal.Has("finished");
    }

    [Fact]
    public async Task A_defect_in_the_engine_fails_its_jobs_and_leaves_the_thread_alive()
    {
        var throwing = true;
        var listener = new JournalListener(_journal) { OnProgress = () => _ = throwing ? throw new InvalidOperationException("A listener must not throw.") : 0 };
        using var thread = Thread(id => new FakeDiffusionModel(id));
        thread.Add(new DenoiseJob(WorkerScene.Request() with { Model = "a" }, listener));
        await _journal.Has("failed engine_failed");
        throwing = false;
        thread.Add(Job("a"));
        await _journal.Has("finished");
    }

    [Fact]
    public void Disposal_ends_the_thread_in_the_middle_of_work()
    {
        var thread = Thread(id => new FakeDiffusionModel(id));
        thread.Add(Job("a", steps: 1000));
        thread.Dispose();

        Assert.Throws<ObjectDisposedException>(() => thread.Add(Job("a")));
    }

    [Fact]
    public async Task A_turn_that_does_not_end_and_a_thread_that_has_ended_are_not_live()
    {
        await using var scene = new WorkerScene();
        var check = new EngineHealthCheck(scene.Engine, Options.Create(new EngineOptions { StuckSeconds = 60 }));
        var gate = scene.GateBeforeCall(2);
        scene.Put(WorkerScene.Request());
        await scene.StartAsync();
        await scene.Journal.Has("at the gate");
        Assert.Equal(HealthStatus.Healthy, (await check.CheckHealthAsync(new HealthCheckContext())).Status);
        scene.Time.Advance(TimeSpan.FromSeconds(61));
        Assert.Equal(HealthStatus.Unhealthy, (await check.CheckHealthAsync(new HealthCheckContext())).Status);
        gate.SetResult();
        await scene.Journal.Has("complete");
        await scene.EngineHasListened();
        Assert.Equal(HealthStatus.Healthy, (await check.CheckHealthAsync(new HealthCheckContext())).Status);
        scene.Engine.Dispose();
        Assert.Equal(HealthStatus.Unhealthy, (await check.CheckHealthAsync(new HealthCheckContext())).Status);
    }

    private DenoiseJob Job(string model, long seed = 1, int steps = 20) =>
        new(WorkerScene.Request(seed, steps) with { Model = model }, new JournalListener(_journal));

    private static EngineThread Thread(Func<string, IDiffusionModel> load)
    {
        var models = new WorkerModels([], load, "cpu");
        var pool = new ModelPool(models, 1, NullLogger<ModelPool>.Instance, TimeProvider.System);
        var policy = new EngineOptions().PolicyFor(models);
        var pace = new PaceMeter(policy, Options.Create(new WorkerOptions()));
        return new EngineThread(policy, FakePreparation.Create(), pool, pace, TimeProvider.System, NullLogger<EngineThread>.Instance);
    }

    private sealed class JournalListener(Journal journal) : IDenoiseListener
    {
        public Action? OnProgress { get; init; }
        public void Progress(int step, int steps) => OnProgress?.Invoke();
        public void Preview(PreviewLatents preview) => journal.Add("preview");
        public void Picture(DecodedPicture picture) => journal.Add("picture");
        public void Finished(DenoiseSummary summary) => journal.Add("finished");
        public void Failed(DenoiseFailure failure) => journal.Add("failed " + failure.Code);
    }
}
