using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json.Nodes;
using ImageService.EndToEnd.Tests;
using StackExchange.Redis;

namespace ImageService.Chaos.Tests;

/// <summary>The promise: an accepted job is never lost and ends in exactly one final state; exactly one result is ever visible.</summary>
[Collection(Cluster.OneAtATime)]
public sealed class ChaosTests(ITestOutputHelper output)
{
    private const int Clients = 12;
    private static readonly string[] Statuses = ["queued", "running", "succeeded", "failed", "canceled"];

    [Fact]
    public async Task Every_accepted_job_ends_once_with_its_own_picture_whatever_dies()
    {
        var begun = Stopwatch.StartNew();
        using var patience = new CancellationTokenSource(ChaosSize.IsFull ? TimeSpan.FromMinutes(15) : TimeSpan.FromMinutes(4));
        var (size, seed) = (ChaosSize.Chosen, ChaosSize.Seed);
        output.WriteLine($"{size}, seed {seed}, appendfsync {ChaosSize.Fsync}");
        await using var cluster = await Cluster.StartAsync(apis: 1, workers: 3, ChaosSize.Fsync);
        using var client = new RetryingClient(cluster);
        var lone = await LoneRuns.DrawAsync(client, patience.Token);

        await using var store = await cluster.ConnectAsync();
        var faults = new Faults(cluster, store.GetDatabase(), size, seed).RunAsync(patience.Token);
        var jobs = await LoadAsync(client, size.Jobs, faults, patience.Token);
        await faults;

        var ended = jobs.Values.GroupBy(job => job.Status()).ToDictionary(g => g.Key, g => g.Count());
        var late = await Faults.LateAsync(store.GetDatabase());
        output.WriteLine($"{jobs.Count} jobs: {string.Join(", ", ended.Select(e => $"{e.Value} {e.Key}"))}; {jobs.Values.Count(Repeated)} drawn more than once; " +
            $"{late} late completions refused; {client.Retries} requests repeated; {begun.Elapsed.TotalSeconds:0} s");
        foreach (var (number, job) in jobs)
        {
            if (job.Status() == "failed")
                Assert.Equal(("attempts_exhausted", 3), (job["error"]!["code"]!.GetValue<string>(), job["attempts"]!.GetValue<int>()));
            else
                await lone.CheckAsync(client, number, job, patience.Token);
        }
        // Only workers that die or stand still cost an attempt, Redis does not: three of them in a row under one job are rare.
        Assert.True(ended.GetValueOrDefault("failed") <= Math.Max(2, jobs.Count / 100), "So many ended by three deaths that jobs must die of something else.");
        await CheckStoreAsync(store.GetDatabase(), [.. jobs.Values.Select(job => job.Id())]);
        CheckLogs(cluster);
        Assert.True(late > 0, "No result came too late: nothing was tested.");
    }

    private static bool Repeated(JsonNode job) => job["attempts"]!.GetValue<int>() > 1;

    // Each of the clients has one job at a time, so that work goes on for as long as things go wrong.
    private static async Task<IDictionary<int, JsonNode>> LoadAsync(RetryingClient client, int least, Task faults, CancellationToken stop)
    {
        var jobs = new ConcurrentDictionary<int, JsonNode>();
        var last = -1;
        await Task.WhenAll(Enumerable.Range(0, Clients).Select(async _ =>
        {
            while (!faults.IsCompleted || Volatile.Read(ref last) + 1 < least)
            {
                var number = Interlocked.Increment(ref last);
                var id = await client.SubmitAsync(LoneRuns.Request(number), $"chaos-{number}", stop);
                if (number % 10 == 0) // as after an answer that got lost
                    Assert.Equal(id, await client.SubmitAsync(LoneRuns.Request(number), $"chaos-{number}", stop));
                jobs[number] = await client.EndAsync(id, stop);
                Assert.Equal(id, jobs[number].Id());
            }
        }));
        return jobs;
    }

    private static async Task CheckStoreAsync(IDatabase store, IReadOnlyList<string> ids)
    {
        Assert.Equal(0, await store.SortedSetLengthAsync(Cluster.Prefix + "ready"));
        Assert.Equal(0, await store.SortedSetLengthAsync(Cluster.Prefix + "leases"));
        // No submit that was repeated made a second job.
        Assert.Equal(LoneRuns.Count + ids.Count, await store.SortedSetLengthAsync(Cluster.Prefix + "jobs"));
        foreach (var id in ids)
        {
            var states = 0;
            foreach (var status in Statuses)
                states += await store.SortedSetScoreAsync($"{Cluster.Prefix}status:{status}", id) is null ? 0 : 1;
            Assert.True(states == 1, $"{id} is in {states} states.");
            var log = await store.StreamRangeAsync($"{Cluster.Prefix}events:{id}");
            Assert.Equal(1, log.Count(entry => entry["kind"] == "finished"));
            Assert.Equal("finished", log[^1]["kind"]);
        }
    }

    // A worker that says so has had its completion accepted.
    private static void CheckLogs(Cluster cluster)
    {
        var drawn = cluster.Workers.SelectMany(w => w.Output).SelectMany(text => text.Split('\n')).Where(line => line.Contains(" drawn: ", StringComparison.Ordinal))
            .Select(line => line.Split(' ').First(word => word.StartsWith("job_", StringComparison.Ordinal)));
        Assert.All(drawn.GroupBy(id => id), completions => Assert.Single(completions));
    }
}
