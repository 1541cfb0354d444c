using System.Diagnostics;
using ImageService.EndToEnd.Tests;

namespace ImageService.Chaos.Tests;

[Collection(Cluster.OneAtATime)]
public sealed class RollingRestartTests(ITestOutputHelper output)
{
    private const int Clients = 6;
    private static readonly TimeSpan Duration = TimeSpan.FromSeconds(ChaosSize.IsFull ? 60 : 10);

    [Fact]
    public async Task Rolling_restarts_under_load_fail_no_request_and_cost_no_attempt()
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(3));
        // So long that a request sent before the word to stop is read in time on a computer that is busy with other tests.
        await using var cluster = await Cluster.StartAsync(apis: 2, workers: 3, settings: ["Api:DrainSeconds=3", "Worker:GraceSeconds=2"]);
        using var client = new RetryingClient(cluster);
        var begun = Stopwatch.StartNew();
        var restarts = RestartAsync(cluster, begun);
        var attempts = await Task.WhenAll(Enumerable.Range(0, Clients).Select(async n =>
        {
            var counted = new List<int>();
            while (!restarts.IsCompleted)
            {
                var id = await client.SubmitAsync(LoneRuns.Request(counted.Count), $"roll-{n}-{counted.Count}", patience.Token);
                var job = await client.EndAsync(id, patience.Token);
                Assert.True(job.Status() == "succeeded", job.ToJsonString());
                Assert.NotEmpty(await client.PictureAsync(job, patience.Token));
                counted.Add(job["attempts"]!.GetValue<int>());
            }
            return counted;
        }));
        output.WriteLine($"{await restarts} restarts in {begun.Elapsed.TotalSeconds:0} s, {attempts.Sum(a => a.Count)} jobs, {client.Retries} requests repeated, none failed; {string.Join("; ", client.Broken)}");
        Assert.Empty(client.Broken);
        Assert.All(attempts.SelectMany(a => a), a => Assert.Equal(1, a));
    }

    // One API and one worker at a time, until the time is over and each has had its turn.
    private static async Task<int> RestartAsync(Cluster cluster, Stopwatch begun)
    {
        var count = 0;
        for (var turn = 0; turn < cluster.Workers.Count || begun.Elapsed < Duration; turn++)
        {
            Replica[] together = [cluster.Apis[turn % cluster.Apis.Count], cluster.Workers[turn % cluster.Workers.Count]];
            await Task.WhenAll(together.Select(async replica =>
            {
                await replica.StopAsync();
                await replica.StartAsync();
                await replica.WaitUntilReadyAsync();
            }));
            count += together.Length;
        }
        return count;
    }
}
