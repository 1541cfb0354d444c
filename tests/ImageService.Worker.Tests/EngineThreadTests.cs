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

    [Fact]
    public async Task While_rows_are_measured_the_process_is_live_and_not_ready()
    {
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var model = new FakeDiffusionModel
        {
            OnPredict = _ =>
            {
                _journal.Add("measured");
                gate.Task.Wait();
            },
        };
        var models = new WorkerModels([model.Info.Description], _ => model, "cpu");
        var pool = new ModelPool(models, 1, NullLogger<ModelPool>.Instance, TimeProvider.System);
        var options = Options.Create(new EngineOptions { MeasureSeconds = 60 });
        using var thread = StartThread(options, models, pool);
        var live = new EngineHealthCheck(thread, options);
        await _journal.Has("measured");
        Assert.Equal(HealthStatus.Healthy, (await live.CheckHealthAsync(new HealthCheckContext())).Status);
        Assert.Equal(1, pool.Preloading);

        gate.SetResult();
        thread.Add(new DenoiseJob(WorkerScene.Request(), new JournalListener(_journal)));
        await _journal.Has("finished");
        Assert.Equal(0, pool.Preloading);
        Assert.True(model.Calls.Count > 6);
    }

    [Fact]
    public async Task A_long_decode_runs_on_a_thread_of_its_own_while_the_batch_goes_on()
    {
        await using var scene = new WorkerScene();
        var engine = 0;
        var decoders = new HashSet<int>();
        using var begun = new ManualResetEventSlim();
        using var enough = new ManualResetEventSlim();
        var (steps, stepsDuringDecode) = (0, 0);
        scene.Model.OnPredict = _ =>
        {
            engine = Environment.CurrentManagedThreadId;
            // By then the second job is with the decoder, and the third goes no further before that is at work.
            if (++steps > 10)
                begun.Wait();
            if (begun.IsSet && ++stepsDuringDecode == 20)
                enough.Set();
            scene.Time.Advance(TimeSpan.FromMilliseconds(1));
        };
        scene.Model.OnDecode = () =>
        {
            lock (decoders)
                decoders.Add(Environment.CurrentManagedThreadId);
            scene.Time.Advance(TimeSpan.FromMilliseconds(100));
            if (Environment.CurrentManagedThreadId == engine)
                return;
            begun.Set();
            enough.Wait();
        };
        scene.Put(WorkerScene.Request(seed: 1, steps: 2));
        await scene.StartAsync();
        await scene.Journal.Has("complete");
        // The decoder waits for twenty steps of the one that comes last.
        scene.Put(WorkerScene.Request(seed: 2, steps: 2));
        scene.Put(WorkerScene.Request(seed: 3, steps: 1000));
        await scene.Journal.Has("complete", times: 3);

        Assert.True(stepsDuringDecode >= 20);
        Assert.Contains(decoders, d => d != engine);
    }

    private DenoiseJob Job(string model, long seed = 1, int steps = 20) =>
        new(WorkerScene.Request(seed, steps) with { Model = model }, new JournalListener(_journal));

    private static EngineThread Thread(Func<string, IDiffusionModel> load)
    {
        var models = new WorkerModels([], load, "cpu");
        var pool = new ModelPool(models, 1, NullLogger<ModelPool>.Instance, TimeProvider.System);
        return StartThread(Options.Create(new EngineOptions { MaxRows = 8 }), models, pool);
    }

    private static EngineThread StartThread(IOptions<EngineOptions> options, WorkerModels models, ModelPool pool)
    {
        var budgets = new RowBudgets(options, models, NullLogger<RowBudgets>.Instance);
        var pace = new PaceMeter(budgets.Policy, Options.Create(new WorkerOptions()));
        return new EngineThread(budgets, FakePreparation.Create(), pool, pace, TimeProvider.System, NullLogger<EngineThread>.Instance);
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
