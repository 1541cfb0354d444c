using System.Diagnostics;
using ImageService.Storage.Tests.Redis;
using StackExchange.Redis;

namespace ImageService.Chaos.Tests;

/// <summary>What the service costs beside the model.</summary>
[Collection(Cluster.OneAtATime)]
public sealed class OverheadTests(ITestOutputHelper output)
{
    // Progress, previews and their readers; renewals; and what goes by the clock and not by jobs.
    private static readonly string[] NotCounted =
        ["watch", "progress", "preview", "subscribe", "unsubscribe", "renew", "depth", "shapes", "announced", "announce", "expire", "remove", "ping", "echo", "info", "publish", "client", "get", "hello"];

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_job_takes_four_round_trips_to_Redis_beside_renewals_and_events()
    {
        const int jobs = 40;
        await using var place = await StartAsync();
        for (var i = 0; i < 5; i++)
            await place.Service.RunJobAsync(i, Stop);
        place.Calls.Take();
        var begun = Stopwatch.StartNew();
        for (var i = 0; i < jobs; i++)
            await place.Service.RunJobAsync(i, Stop);
        var calls = place.Calls.Take();
        output.WriteLine(string.Join(", ", calls.OrderByDescending(c => c.Value).Select(c => $"{c.Key} {c.Value}")));
        // An idle worker looks every 900 ms, whether there are jobs or not.
        var polls = (int)(begun.Elapsed.TotalSeconds / 0.9) + 1;
        var counted = calls.Where(c => !NotCounted.Contains(c.Key)).Sum(c => c.Value);
        Assert.InRange(counted, 3 * jobs, (4 * jobs) + polls);
    }

    /// <summary>
    /// A figure, for a machine that does nothing else, with files in memory so that it is the service that is measured and not the disk:
    /// <c>TMPDIR=/dev/shm dotnet run -c Release --project tests/ImageService.Chaos.Tests -- -explicit only -class "*OverheadTests" -showliveoutput</c>.
    /// </summary>
    [Fact(Explicit = true)]
    public async Task A_job_costs_milliseconds()
    {
        const int jobs = 2000;
        await using var place = await StartAsync();
        for (var i = 0; i < 500; i++)
            await place.Service.RunJobAsync(i, Stop);
        await place.Calls.DisposeAsync(); // it costs Redis half of its speed
        var before = await CommandCallsAsync(place.Redis);
        var milliseconds = new double[jobs];
        for (var i = 0; i < jobs; i++)
        {
            var begun = Stopwatch.GetTimestamp();
            await place.Service.RunJobAsync(i, Stop);
            milliseconds[i] = Stopwatch.GetElapsedTime(begun).TotalMilliseconds;
        }
        Array.Sort(milliseconds);
        var (median, high) = (milliseconds[jobs / 2], milliseconds[jobs * 99 / 100]);
        output.WriteLine($"{jobs} jobs one after the other: p50 {median:0.00} ms, p99 {high:0.00} ms; INFO commandstats: {(double)(await CommandCallsAsync(place.Redis) - before) / jobs:0.00} scripts a job with all events");
        Assert.InRange(median, 0, 5);
        Assert.InRange(high, 0, 20);
    }

    private static async Task<long> CommandCallsAsync(ConnectionMultiplexer redis)
    {
        var stats = (await redis.GetServers()[0].InfoAsync("commandstats"))[0];
        return stats.Where(p => p.Key == "cmdstat_evalsha").Sum(p => long.Parse(p.Value.Split(',')[0]["calls=".Length..]));
    }

    private static async Task<Place> StartAsync()
    {
        Cluster.RequireRedis();
        var process = new RedisProcess();
        await process.WaitUntilReadyAsync();
        var redis = await ConnectionMultiplexer.ConnectAsync($"{process.Connection},allowAdmin=true");
        return new Place(process, redis, await ScriptCalls.ListenAsync(redis), await NullService.StartAsync(process.Connection));
    }

    private sealed record Place(RedisProcess Process, ConnectionMultiplexer Redis, ScriptCalls Calls, NullService Service) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            await Service.DisposeAsync();
            await Calls.DisposeAsync();
            await Redis.DisposeAsync();
            Process.Dispose();
        }
    }
}
