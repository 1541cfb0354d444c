using ImageService.Core;

namespace ImageService.Worker.Tests;

/// <summary>What becomes of jobs when their worker is told to stop.</summary>
public sealed class ShutdownTests
{
    [Fact]
    public async Task Shutdown_hands_running_jobs_back_with_their_state_and_another_worker_draws_the_same_picture()
    {
        var request = WorkerScene.Request(seed: 9, steps: 12);
        byte[] state;
        await using (var first = new WorkerScene())
        {
            var gate = first.GateBeforeCall(5);
            first.Put(request);
            await first.StartAsync();
            await first.Journal.Has("at the gate");
            var stopping = first.Pump.StopAsync(CancellationToken.None);
            await first.Journal.Has("timer 20000 ms"); // the engine has its orders, the grace time runs
            gate.SetResult();
            await stopping;
            state = Assert.Single(first.Queue.Released).State;
            Assert.Empty(first.Queue.Results);
            Assert.Empty(first.Blobs.Content);
        }
        var resumed = await Draw(request, state, out var stepsOfResumed);
        var whole = await Draw(request, default, out var stepsOfWhole);

        Assert.Equal(12, await stepsOfWhole);
        Assert.Equal(12 - 5, await stepsOfResumed);
        Assert.Equal(whole, resumed);
    }

    [Fact]
    public async Task Shutdown_finishes_what_fits_into_the_grace_time_and_hands_back_the_rest()
    {
        await using var scene = new WorkerScene(graceSeconds: 20);
        var gate = scene.GateBeforeCall(4);
        var stopAtGate = scene.Model.OnPredict!;
        scene.Model.OnPredict = call =>
        {
            scene.Time.Advance(TimeSpan.FromSeconds(0.5));
            stopAtGate(call);
        };
        var brief = scene.Put(WorkerScene.Request(seed: 1, steps: 10));
        var longer = scene.Put(WorkerScene.Request(seed: 2, steps: 100));
        await scene.StartAsync();
        await scene.Journal.Has("at the gate");
        var stopping = scene.Pump.StopAsync(CancellationToken.None);
        await scene.Journal.Has("timer 20000 ms");
        gate.SetResult();
        await stopping;

        Assert.Equal(longer.Lease, Assert.Single(scene.Queue.Released).Lease);
        Assert.Single(scene.Queue.Results);
        await scene.Journal.Has($"complete {brief.Lease.Token}");
    }

    [Fact]
    public async Task A_shutdown_that_cannot_reach_the_store_ends_after_the_grace_time()
    {
        await using var scene = new WorkerScene();
        var gate = scene.GateBeforeCall(2);
        scene.Put(WorkerScene.Request(steps: 500));
        await scene.StartAsync();
        await scene.Journal.Has("at the gate");
        scene.Queue.FailNextCalls(int.MaxValue);
        var stopping = scene.Pump.StopAsync(CancellationToken.None);
        gate.SetResult();
        // The first outage may be a progress report's, from before the grace time began: the clock goes on until it is over.
        while (!stopping.IsCompleted)
        {
            scene.Time.Advance(TimeSpan.FromSeconds(1));
            await Task.WhenAny(stopping, Task.Delay(10));
        }
        await stopping;

        Assert.Empty(scene.Queue.Released);
    }

    private static Task<byte[]> Draw(GenerationRequest request, ReadOnlyMemory<byte> state, out Task<int> steps)
    {
        var counted = new TaskCompletionSource<int>();
        steps = counted.Task;
        return DrawAsync();

        async Task<byte[]> DrawAsync()
        {
            await using var scene = new WorkerScene();
            var count = 0;
            scene.Model.OnPredict = _ => count++;
            var leased = scene.Put(request, state);
            await scene.StartAsync();
            await scene.Journal.Has("complete");
            counted.SetResult(count);
            return scene.Blobs.Content[BlobNames.Image(leased.Lease, 0)];
        }
    }
}
