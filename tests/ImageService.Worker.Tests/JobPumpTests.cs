using System.Security.Cryptography;
using ImageService.Core;

namespace ImageService.Worker.Tests;

public sealed class JobPumpTests
{
    [Fact]
    public async Task A_job_ends_with_its_blobs_written_before_it_is_completed()
    {
        await using var scene = new WorkerScene();
        var leased = scene.Put(WorkerScene.Request(seed: 5) with { NumImages = 3 });
        await scene.StartAsync();
        await scene.Journal.Has("complete 1");

        var entries = scene.Journal.Entries.Where(e => e.StartsWith("put", StringComparison.Ordinal) || e.StartsWith("complete", StringComparison.Ordinal)).ToList();
        Assert.Equal(4, entries.Count);
        Assert.Equal("complete 1", entries[3]);
        var result = Assert.Single(scene.Queue.Results);
        Assert.Equal([0, 1, 2], result.Images.Select(i => i.Index));
        Assert.Equal([5L, 6L, 7L], result.Images.Select(i => i.Seed));
        Assert.Equal(3 * 2 * 4, result.Timings.RowSteps);
        Assert.Equal(3, result.Timings.Queued);
        Assert.Equal(3, result.Timings.Admission);
        foreach (var image in result.Images)
        {
            Assert.Equal(BlobNames.Image(leased.Lease, image.Index), image.BlobName);
            var blob = scene.Blobs.Content[image.BlobName];
            Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(blob)), image.Sha256);
            Assert.Equal(blob.Length, image.Bytes);
            Assert.Equal((16, 16), (image.Width, image.Height));
        }
    }

    [Fact]
    public async Task A_picture_that_was_asked_for_before_the_model_was_loaded_names_the_hash_all_the_same()
    {
        await using var scene = new WorkerScene();
        scene.Put(WorkerScene.Request());
        await scene.StartAsync();
        await scene.Journal.Has("complete 1");
        Assert.Equal(scene.Model.Info.Description.Hash, Assert.Single(scene.DrawnBy).Hash);
    }

    [Fact]
    public async Task Progress_is_coalesced_while_the_store_is_slow_and_nothing_follows_the_end()
    {
        await using var scene = new WorkerScene();
        scene.Queue.ProgressGate = new TaskCompletionSource();
        scene.Put(WorkerScene.Request(steps: 200));
        await scene.StartAsync();
        await scene.Journal.Has("complete");

        var reports = scene.Journal.Entries.Where(e => e.StartsWith("progress", StringComparison.Ordinal)).ToList();
        Assert.Single(reports);
        Assert.StartsWith("complete", scene.Journal.Entries.Last(e => !e.StartsWith("timer", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Previews_reach_the_store()
    {
        await using var scene = new WorkerScene();
        var gate = scene.GateBeforeCall(4);
        scene.Put(WorkerScene.Request(steps: 6) with { PreviewEvery = 3 });
        await scene.StartAsync();
        await scene.Journal.Has("preview 1 3/6");
        gate.SetResult();
        await scene.Journal.Has("complete");

        Assert.Equal(2, scene.Queue.Previews.First().Width);
    }

    [Fact]
    public async Task A_job_shorter_than_the_pause_between_two_reports_shows_its_last_preview_before_it_ends()
    {
        await using var scene = new WorkerScene(progressSeconds: 60);
        var gate = scene.GateBeforeCall(1);
        scene.Put(WorkerScene.Request(steps: 6) with { PreviewEvery = 2 });
        await scene.StartAsync();
        await scene.Journal.Has("timer 60000 ms"); // the pause after the first report
        gate.SetResult();
        await scene.Journal.Has("complete");

        Assert.Single(scene.Queue.Previews);
        Assert.Equal(["preview 1 4/6", "complete 1"], scene.Journal.Entries.Where(e => e.StartsWith("preview", StringComparison.Ordinal) || e.StartsWith("complete", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Leases_are_renewed_at_a_third_of_their_time()
    {
        await using var scene = new WorkerScene();
        var gate = scene.GateBeforeCall(2);
        scene.Put(WorkerScene.Request());
        await scene.StartAsync();
        await scene.Journal.Has("at the gate");
        await scene.Time.Ring(TimeSpan.FromSeconds(5));
        await scene.Journal.Has("renewed 1 for 15 s");
        await scene.Time.Ring(TimeSpan.FromSeconds(5), times: 2);
        await scene.Journal.Has("renewed 1 for 15 s", times: 2);
        gate.SetResult();
        await scene.Journal.Has("complete");
    }

    [Fact]
    public async Task A_lost_lease_stops_the_work_and_writes_nothing()
    {
        await using var scene = new WorkerScene();
        var gate = scene.GateBeforeCall(3);
        var leased = scene.Put(WorkerScene.Request(steps: 500));
        await scene.StartAsync();
        await scene.Journal.Has("at the gate");
        scene.Queue.TakeAway(leased.Lease);
        await scene.Time.Ring(TimeSpan.FromSeconds(5));
        await scene.Journal.Has("renewed");
        await Gone(scene, leased.Lease);
        gate.SetResult();
        await scene.EngineHasListened();

        Assert.Equal(3, scene.Journal.Entries.Count(e => e == "step"));
        Assert.DoesNotContain(scene.Journal.Entries, IsWrite);
    }

    [Fact]
    public async Task A_cancellation_takes_effect_at_the_next_step_and_leaves_the_others_alone()
    {
        await using var scene = new WorkerScene();
        var gate = scene.GateBeforeCall(3);
        var canceled = scene.Put(WorkerScene.Request(seed: 1, steps: 500));
        var other = scene.Put(WorkerScene.Request(seed: 2, steps: 6));
        await scene.StartAsync();
        await scene.Journal.Has("at the gate");
        scene.Queue.Cancel(canceled.Lease.Id);
        await Gone(scene, canceled.Lease);
        gate.SetResult();
        await scene.Journal.Has($"complete {other.Lease.Token}");
        await scene.EngineHasListened();

        Assert.InRange(scene.Journal.Entries.Count(e => e == "step"), 6, 9);
        Assert.DoesNotContain(scene.Blobs.Content.Keys, name => name.Contains(canceled.Lease.Id.Value, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_model_that_fails_costs_the_attempt_and_the_worker_goes_on()
    {
        await using var scene = new WorkerScene(maxRows: 2);
        scene.Model.OnPredict = _ => throw new InvalidOperationException("poison");
        scene.Put(WorkerScene.Request(seed: 1));
        await scene.StartAsync();
        await scene.Journal.Has("fail 1 model_failed retry=True");
        scene.Model.OnPredict = null;
        scene.Put(WorkerScene.Request(seed: 2));
        await scene.Journal.Has("complete 2");

        Assert.Contains("poison", Assert.Single(scene.Queue.Errors).Message);
    }

    [Fact]
    public async Task A_failing_blob_store_is_tried_again()
    {
        await using var scene = new WorkerScene();
        scene.Blobs.FailNextWrites(2);
        scene.Put(WorkerScene.Request());
        await scene.StartAsync();
        await scene.Time.Ring(TimeSpan.FromMilliseconds(250));
        await scene.Time.Ring(TimeSpan.FromMilliseconds(500));
        await scene.Journal.Has("complete 1");

        Assert.Equal(2, scene.Journal.Entries.Count(e => e.StartsWith("put failed", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_blob_store_that_stays_broken_fails_the_job_after_five_attempts(bool damages)
    {
        await using var scene = new WorkerScene();
        scene.Blobs.Damage = damages;
        scene.Blobs.FailNextWrites(damages ? 0 : 100);
        scene.Put(WorkerScene.Request());
        await scene.StartAsync();
        foreach (var milliseconds in new[] { 250, 500, 1000, 2000 })
            await scene.Time.Ring(TimeSpan.FromMilliseconds(milliseconds));
        await scene.Journal.Has("fail 1 blob_unavailable retry=True");

        Assert.Equal(5, scene.Journal.Entries.Count(e => e.StartsWith("put", StringComparison.Ordinal)));
        Assert.Empty(scene.Queue.Results);
    }

    [Fact]
    public async Task A_store_outage_at_the_end_delays_the_completion_and_loses_nothing()
    {
        await using var scene = new WorkerScene();
        scene.Queue.FailNextCalls(2);
        scene.Put(WorkerScene.Request());
        await scene.StartAsync();
        await scene.Time.Ring(TimeSpan.FromMilliseconds(200));
        await scene.Time.Ring(TimeSpan.FromMilliseconds(400));
        await scene.Journal.Has("complete 1");

        Assert.Single(scene.Queue.Results);
    }

    [Fact]
    public async Task No_more_is_leased_than_the_engine_has_rows_for()
    {
        await using var scene = new WorkerScene(maxRows: 4);
        var gate = scene.GateBeforeCall(2);
        for (var i = 0; i < 9; i++)
            scene.Put(WorkerScene.Request(seed: i));
        await scene.StartAsync();
        await scene.Journal.Has("at the gate");
        await scene.Journal.Has("leased", times: 3);

        // Two pictures fill the rows, a third one waits at hand.
        Assert.Equal(3, scene.Journal.Entries.Count(e => e.StartsWith("leased", StringComparison.Ordinal)));
        gate.SetResult();
        await scene.Journal.Has("complete", times: 9);
        Assert.All(scene.Queue.Asked, r => Assert.Equal(["fake"], r.Models));
    }

    [Fact]
    public async Task A_missing_start_image_fails_the_job()
    {
        await using var scene = new WorkerScene();
        scene.Put(WorkerScene.Request() with { Image = "jobs/none/input/image.rgb" });
        await scene.StartAsync();

        await scene.Journal.Has("fail 1 input_missing retry=True");
    }

    private static bool IsWrite(string entry) =>
        entry.StartsWith("put", StringComparison.Ordinal) || entry.StartsWith("complete", StringComparison.Ordinal) || entry.StartsWith("fail", StringComparison.Ordinal)
        || entry.StartsWith("release", StringComparison.Ordinal);

    private static async Task Gone(WorkerScene scene, Lease lease)
    {
        if (scene.Keeper.Runs.FirstOrDefault(r => r.Lease == lease) is { } run)
            await run.Ended;
    }
}
