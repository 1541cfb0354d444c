using System.Diagnostics;
using ImageService.Core;
using ImageService.Storage.Redis;
using ImageService.Storage.Tests.Contracts;
using StackExchange.Redis;

namespace ImageService.Storage.Tests.Redis;

public sealed class RedisJobsTests(RedisServer server)
{
    private static readonly LeaseRequest OneForAnHour = new(1, "w", TimeSpan.FromHours(1), ["starter"]);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Scripts_that_the_server_forgot_are_loaded_again()
    {
        await using var place = new RedisJobPlace(await server.ConnectionAsync());
        await place.Store.SubmitAsync(JobStoreContract.Submission(), Stop);
        await place.Connection.GetServers()[0].ScriptFlushAsync();
        await place.Store.SubmitAsync(JobStoreContract.Submission(), Stop);
        Assert.Equal(2, (await place.Store.DepthAsync(Stop)).Queued);
    }

    [Fact]
    public async Task Every_key_has_the_hash_tag_and_none_is_left_of_a_removed_job_but_its_tombstone()
    {
        await using var place = new RedisJobPlace(await server.ConnectionAsync());
        var id = (await place.Store.SubmitAsync(JobStoreContract.Submission("client", key: "k"), Stop)).Job!.Id;
        await place.Queue.ReleaseAsync((await place.Queue.LeaseAsync(OneForAnHour, Stop))[0].Lease, new byte[] { 1 }, Stop);
        var lease = (await place.Queue.LeaseAsync(OneForAnHour, Stop))[0].Lease;
        await place.Queue.PublishPreviewAsync(lease, new Preview(0, 1, 2, new byte[] { 1 }, "image/png", 1, 1), Stop);
        await place.Queue.CompleteAsync(lease, JobStoreContract.Result(lease), Stop);
        await place.AgeAsync(id);
        await place.Retention.RemoveOldAsync(10, Stop);
        var keys = new List<string>();
        await foreach (var key in place.Connection.GetServers()[0].KeysAsync(pattern: place.Key("*"), pageSize: 1000))
            keys.Add(key.ToString());
        // What calls were given is kept as long as their leases.
        foreach (var call in keys.FindAll(key => key.StartsWith(place.Key("call:"), StringComparison.Ordinal)))
        {
            Assert.InRange((await place.Connection.GetDatabase().KeyTimeToLiveAsync(call))!.Value.TotalMinutes, 59, 60);
            keys.Remove(call);
        }
        Assert.Equal(new[] { place.Key("counters"), place.Key($"gone:{id}"), place.Key("key:k"), place.Key("tags") }, keys.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Keys_and_tombstones_live_a_day()
    {
        await using var place = new RedisJobPlace(await server.ConnectionAsync());
        var database = place.Connection.GetDatabase();
        var id = (await place.Store.SubmitAsync(JobStoreContract.Submission(key: "k", fingerprint: "f"), Stop)).Job!.Id;
        Assert.InRange((await database.KeyTimeToLiveAsync(place.Key("key:k")))!.Value.TotalHours, 23.9, 24);
        await place.Store.CancelAsync(id, Stop);
        await place.AgeAsync(id);
        await place.Retention.RemoveOldAsync(10, Stop);
        Assert.InRange((await database.KeyTimeToLiveAsync(place.Key($"gone:{id}")))!.Value.TotalHours, 23.9, 24);
        await database.KeyDeleteAsync(place.Key("key:k"));
        Assert.Equal(SubmitOutcome.Accepted, (await place.Store.SubmitAsync(JobStoreContract.Submission(key: "k", fingerprint: "g"), Stop)).Outcome);
    }

    [Fact]
    public async Task A_model_is_forgotten_after_a_week_of_silence()
    {
        await using var place = new RedisJobPlace(await server.ConnectionAsync());
        var model = new ModelDescription
        {
            Id = "m", Family = ModelFamily.StableDiffusion1, SizeMultiple = 64, DefaultWidth = 512, DefaultHeight = 512, DefaultSteps = 20,
            DefaultGuidanceScale = 7, DefaultScheduler = "euler",
        };
        await place.Queue.AnnounceAsync([model, model with { Id = "n" }], new WorkerPace("w", []), Stop);
        var eightDaysAgo = place.Now.AddDays(-8).ToUnixTimeMilliseconds();
        await place.Connection.GetDatabase().SortedSetAddAsync(place.Key("models_seen"), "m", eightDaysAgo);
        Assert.Equal("n", Assert.Single(await place.Store.ListModelsAsync(Stop)).Id);
        await place.Queue.AnnounceAsync([model with { Id = "n" }], new WorkerPace("w", []), Stop);
        Assert.Equal(1, await place.Connection.GetDatabase().HashLengthAsync(place.Key("models")));
    }

    [Fact]
    public async Task A_silent_workers_pace_is_forgotten_after_a_minute()
    {
        await using var place = new RedisJobPlace(await server.ConnectionAsync());
        await place.Queue.AnnounceAsync([], JobStoreContract.Paced("silent", 0.5), Stop);
        await place.Queue.AnnounceAsync([], JobStoreContract.Paced("alive", 0.5), Stop);
        var aMinuteAgo = place.Now.AddSeconds(-61).ToUnixTimeMilliseconds();
        await place.Connection.GetDatabase().SortedSetAddAsync(place.Key("paces_seen"), "silent", aMinuteAgo);
        Assert.Equal("alive", Assert.Single(await place.Store.ListPacesAsync(Stop)).WorkerId);
        await place.Queue.AnnounceAsync([], JobStoreContract.Paced("alive", 0.5), Stop);
        Assert.Equal(1, await place.Connection.GetDatabase().HashLengthAsync(place.Key("paces")));
    }

    [Fact]
    public async Task Jobs_leased_by_an_earlier_version_are_let_go_without_a_trace()
    {
        await using var place = new RedisJobPlace(await server.ConnectionAsync());
        var database = place.Connection.GetDatabase();
        var leases = new List<LeasedJob>();
        for (var i = 0; i < 2; i++)
        {
            await place.Store.SubmitAsync(JobStoreContract.Submission(), Stop);
            leases.AddRange(await place.Queue.LeaseAsync(OneForAnHour, Stop));
            if (i > 0)
                continue;
            // As that version would have left it.
            await database.HashDeleteAsync(place.Key("job:" + leases[0].Job.Id), ["left", "rows"]);
            await database.HashDeleteAsync(place.Key("counters"), ["held", "held_left", "held_rows"]);
        }
        var load = (await place.Store.GetAsync(leases[1].Job.Id, Stop))!.Load;
        await place.Queue.PublishProgressAsync(leases[0].Lease, 3, 20, Stop);
        await place.Queue.FailAsync(leases[0].Lease, new JobError("x", "y"), retry: false, Stop);
        Assert.Equal(load, (await place.Store.GetAsync(leases[1].Job.Id, Stop))!.Load);
        await place.Queue.FailAsync(leases[1].Lease, new JobError("x", "y"), retry: false, Stop);
        var alone = (await place.Store.SubmitAsync(JobStoreContract.Submission(), Stop)).Job!;
        Assert.Equal(default(QueueLoad), alone.Load);
    }

    [Fact]
    public async Task The_end_of_a_job_is_told_also_after_its_log_is_gone()
    {
        await using var place = new RedisJobPlace(await server.ConnectionAsync());
        var id = (await place.Store.SubmitAsync(JobStoreContract.Submission(), Stop)).Job!.Id;
        await place.Queue.LeaseAsync(OneForAnHour, Stop);
        await place.Store.CancelAsync(id, Stop);
        var events = place.Key($"events:{id}");
        Assert.InRange((await place.Connection.GetDatabase().KeyTimeToLiveAsync(events))!.Value.TotalMinutes, 59, 60);
        await place.Connection.GetDatabase().KeyDeleteAsync(events);
        var log = new List<JobEvent>();
        await foreach (var one in place.Store.WatchAsync(id, 0, Stop))
            log.Add(one);
        var end = Assert.IsType<JobFinished>(Assert.Single(log));
        Assert.Equal((3, JobStatus.Canceled), (end.Sequence, end.Job.Status));
    }

    [Fact]
    public async Task A_job_costs_four_round_trips_beside_its_events()
    {
        using var process = await StartOwnAsync();
        await using var place = new RedisJobPlace(process.Connection);
        await LifeAsync(place); // loads the scripts
        var before = await ScriptCallsAsync(place.Connection);
        await LifeAsync(place);
        Assert.Equal(4, await ScriptCallsAsync(place.Connection) - before);
    }

    [Fact]
    public async Task Accepted_jobs_outlive_kill_9_of_the_server_which_meanwhile_is_reported_unavailable()
    {
        using var process = await StartOwnAsync();
        await using var place = new RedisJobPlace(process.Connection);
        var ids = new List<JobId>();
        for (var i = 0; i < 200; i++)
            ids.Add((await place.Store.SubmitAsync(JobStoreContract.Submission(), Stop)).Job!.Id);
        var leased = await place.Queue.LeaseAsync(OneForAnHour with { Max = 20 }, Stop);
        foreach (var one in leased.Take(10))
            Assert.True(await place.Queue.CompleteAsync(one.Lease, JobStoreContract.Result(one.Lease), Stop));

        process.Kill();
        var begun = Stopwatch.StartNew();
        await Assert.ThrowsAsync<StoreUnavailableException>(() => place.Store.SubmitAsync(JobStoreContract.Submission(), Stop));
        await Assert.ThrowsAsync<StoreUnavailableException>(() => place.Store.GetAsync(ids[0], Stop));
        Assert.InRange(begun.Elapsed.TotalSeconds, 0, 6);
        process.Restart();
        await process.WaitUntilReadyAsync();
        await UntilItAnswersAsync(place);

        Assert.Equal(new QueueDepth(180, 10), await place.Store.DepthAsync(Stop));
        foreach (var one in leased.Skip(10)) // leases survive as well
            Assert.True(await place.Queue.CompleteAsync(one.Lease, JobStoreContract.Result(one.Lease), Stop));
        foreach (var one in await place.Queue.LeaseAsync(OneForAnHour with { Max = 1000 }, Stop))
            Assert.True(await place.Queue.CompleteAsync(one.Lease, JobStoreContract.Result(one.Lease), Stop));
        foreach (var id in ids)
            Assert.Equal(JobStatus.Succeeded, (await place.Store.GetAsync(id, Stop))!.Status);
    }

    [Fact]
    public async Task A_waiting_worker_is_woken_again_after_the_server_came_back()
    {
        using var process = await StartOwnAsync();
        await using var place = new RedisJobPlace(process.Connection);
        process.Kill();
        process.Restart();
        await process.WaitUntilReadyAsync();
        await UntilItAnswersAsync(place);
        await using var cancellations = place.Queue.CancellationsAsync(Stop).GetAsyncEnumerator(Stop);
        var heard = cancellations.MoveNextAsync().AsTask();
        var begun = Stopwatch.StartNew();
        while (!heard.IsCompleted) // the subscription comes back a moment after the connection
        {
            Assert.True(begun.Elapsed < TimeSpan.FromSeconds(15), "No wake-up came through.");
            await place.Store.SubmitAsync(JobStoreContract.Submission(), Stop);
            await place.Store.CancelAsync((await place.Queue.LeaseAsync(OneForAnHour, Stop))[0].Job.Id, Stop);
            await Task.WhenAny(heard, Task.Delay(100, Stop));
        }
    }

    [Fact]
    public async Task It_starts_without_a_server_and_works_when_there_is_one()
    {
        using var process = await StartOwnAsync();
        process.Kill();
        using var jobs = new RedisJobs(new RedisOptions { Connection = process.Connection }, new JobsOptions(), new QueueLimitsOptions());
        await Assert.ThrowsAsync<StoreUnavailableException>(() => jobs.DepthAsync(Stop));
        process.Restart();
        await process.WaitUntilReadyAsync();
        var begun = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                Assert.Equal(SubmitOutcome.Accepted, (await jobs.SubmitAsync(JobStoreContract.Submission(), Stop)).Outcome);
                return;
            }
            catch (StoreUnavailableException) when (begun.Elapsed < TimeSpan.FromSeconds(10))
            {
                await Task.Delay(50, Stop);
            }
        }
    }

    [Fact]
    public async Task Full_memory_refuses_new_jobs_and_keeps_the_old()
    {
        using var process = await StartOwnAsync();
        await using var place = new RedisJobPlace(process.Connection);
        var id = (await place.Store.SubmitAsync(JobStoreContract.Submission(), Stop)).Job!.Id;
        var server = place.Connection.GetServers()[0];
        await server.ConfigSetAsync("maxmemory", "1mb");
        await Assert.ThrowsAsync<StoreUnavailableException>(() => place.Store.SubmitAsync(JobStoreContract.Submission(), Stop));
        await server.ConfigSetAsync("maxmemory", "0");
        Assert.NotNull(await place.Store.GetAsync(id, Stop));
        Assert.Equal(SubmitOutcome.Accepted, (await place.Store.SubmitAsync(JobStoreContract.Submission(), Stop)).Outcome);
    }

    private static async Task LifeAsync(RedisJobPlace place)
    {
        var id = (await place.Store.SubmitAsync(JobStoreContract.Submission(), Stop)).Job!.Id;
        var lease = (await place.Queue.LeaseAsync(OneForAnHour, Stop))[0].Lease;
        await place.Queue.CompleteAsync(lease, JobStoreContract.Result(lease), Stop);
        Assert.Equal(JobStatus.Succeeded, (await place.Store.GetAsync(id, Stop))!.Status);
    }

    private static async Task<long> ScriptCallsAsync(ConnectionMultiplexer connection)
    {
        var stats = (await connection.GetServers()[0].InfoAsync("commandstats"))[0];
        return stats.Where(p => p.Key is "cmdstat_evalsha" or "cmdstat_eval")
            .Sum(p => long.Parse(p.Value.Split(',')[0]["calls=".Length..]));
    }

    internal static async Task<RedisProcess> StartOwnAsync()
    {
        if (!RedisProcess.IsInstalled)
            RedisServer.GiveUp("This test kills its Redis: install redis-server.");
        var process = new RedisProcess();
        await process.WaitUntilReadyAsync();
        return process;
    }

    private static async Task UntilItAnswersAsync(RedisJobPlace place)
    {
        var begun = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                await place.Store.DepthAsync(Stop);
                return;
            }
            catch (StoreUnavailableException) when (begun.Elapsed < TimeSpan.FromSeconds(5))
            {
                await Task.Delay(20, Stop);
            }
        }
    }
}
