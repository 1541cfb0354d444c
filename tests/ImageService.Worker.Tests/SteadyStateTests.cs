namespace ImageService.Worker.Tests;

/// <summary>What the engine's thread does not do while a batch runs: allocate, gather again, encode and write pictures.</summary>
public sealed class SteadyStateTests
{
    [Fact]
    public async Task A_step_allocates_nothing_on_the_engines_thread()
    {
        const int warmUp = 300, measured = 1000;
        await using var scene = new WorkerScene();
        var (calls, before, after) = (0, 0L, 0L);
        scene.Model.OnPredict = _ =>
        {
            calls++;
            if (calls == warmUp)
                before = GC.GetAllocatedBytesForCurrentThread();
            if (calls == warmUp + measured)
                after = GC.GetAllocatedBytesForCurrentThread();
        };
        scene.Put(WorkerScene.Request(seed: 1, steps: 1000) with { Scheduler = "dpmpp_2m" });
        scene.Put(WorkerScene.Request(seed: 2, steps: 1000) with { NumImages = 2 });
        // Does not fit, and is asked at every step.
        scene.Put(WorkerScene.Request(seed: 3, steps: 1000) with { NumImages = 2 });
        await scene.StartAsync();
        await scene.Journal.Has("complete", times: 3);

        Assert.True(after > 0);
        Assert.InRange((after - before) / (double)measured, 0, 64);
    }

    [Fact]
    public async Task Prompts_are_gathered_when_the_batch_changes_and_not_before()
    {
        await using var scene = new WorkerScene();
        scene.Model.RecordCalls = true;
        scene.Put(WorkerScene.Request(seed: 1, steps: 40));
        scene.Put(WorkerScene.Request(seed: 2, steps: 10));
        await scene.StartAsync();
        await scene.Journal.Has("complete", times: 2);

        // The first alone, both, the first alone: three at most, as both may have come at once.
        Assert.InRange(scene.Model.Calls.Max(c => c.ConditioningVersion), 2, 3);
        Assert.InRange(scene.Model.Calls.Count, 40, 50);
    }

    [Fact]
    public async Task Pictures_are_encoded_and_written_on_other_threads()
    {
        await using var scene = new WorkerScene();
        var engine = 0;
        scene.Model.OnPredict = _ => engine = Environment.CurrentManagedThreadId;
        scene.Put(WorkerScene.Request() with { NumImages = 4 });
        await scene.StartAsync();
        await scene.Journal.Has("complete");

        Assert.NotEqual(0, engine);
        Assert.NotEmpty(scene.EncodedOn);
        Assert.DoesNotContain(engine, scene.EncodedOn);
        Assert.DoesNotContain(engine, scene.Blobs.WrittenOn);
    }
}
