using System.Diagnostics;
using ImageService.Core;
using ImageService.Storage.Tests.Contracts;

namespace ImageService.Storage.Tests.Redis;

/// <summary>
/// A line of 100,000 jobs: nothing that is done often may cost more than in a short one. Cost is counted in Redis commands (INFO commandstats, which counts those
/// inside scripts), so that it does not depend on the machine; the times are printed for docs/reliability.md:
/// <c>dotnet run -c Release --project tests/ImageService.Storage.Tests -- -class "*BacklogTests" -showliveoutput</c>.
/// </summary>
public sealed class RedisBacklogTests(ITestOutputHelper output)
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_hundred_thousand_waiting_jobs_cost_a_submit_a_lease_and_a_look_no_more_than_a_thousand()
    {
        using var process = await RedisJobsTests.StartOwnAsync();
        await using var place = new RedisJobPlace(process.Connection, 100_000);
        var backlog = new Backlog(place, clients: 20);
        await backlog.SubmitAsync(1_000, Stop);
        await CostsAsync(place, backlog); // loads the scripts
        await backlog.SubmitAsync(32, Stop);
        var shortLine = await CostsAsync(place, backlog);
        output.WriteLine("redis: " + await backlog.ServeAsync(500, Stop));
        await backlog.SubmitAsync(500 + 32, Stop);

        var begun = Stopwatch.StartNew();
        await backlog.SubmitAsync(99_000, Stop);
        output.WriteLine($"redis: {99_000 / begun.Elapsed.TotalSeconds:0} submits/s; 100,000 waiting jobs take {await MemoryAsync(place) >> 20} MiB");
        Assert.Equal(SubmitOutcome.QueueFull, (await place.Store.SubmitAsync(JobStoreContract.Submission(), Stop)).Outcome);
        Assert.InRange(await MemoryAsync(place), 0, 300L << 20);
        var longLine = await CostsAsync(place, backlog);
        output.WriteLine($"redis, commands at 1,000: {shortLine}; at 100,000: {longLine}");
        Assert.InRange(longLine.Submit, 1, shortLine.Submit * 1.1);
        Assert.InRange(longLine.Lease, 1, shortLine.Lease * 1.1);
        Assert.InRange(longLine.Get, 1, shortLine.Get * 1.1);
        Assert.InRange(longLine.Cancel, 1, shortLine.Cancel * 1.1);

        output.WriteLine("redis: " + await backlog.ServeAsync(2_000, Stop));
        await backlog.CheckCountsAsync(Stop);
    }

    [Fact]
    public async Task Thousands_of_clients_cost_no_more_than_a_hundred()
    {
        using var process = await RedisJobsTests.StartOwnAsync();
        await using var few = new RedisJobPlace(process.Connection, 100_000);
        await using var many = new RedisJobPlace(process.Connection, 100_000);
        var (fewClients, manyClients) = (new Backlog(few, clients: 100), new Backlog(many, clients: 3_000));
        await fewClients.SubmitAsync(300, Stop);
        await manyClients.SubmitAsync(9_000, Stop);
        await fewClients.ServeAsync(32, Stop);
        await manyClients.ServeAsync(32, Stop);
        await CostsAsync(many, manyClients); // loads the scripts
        var (hundred, thousands) = (await CostsAsync(few, fewClients), await CostsAsync(many, manyClients));
        output.WriteLine($"redis, commands with 100 clients: {hundred}; with 3,000: {thousands}");
        Assert.InRange(thousands.Submit, 1, hundred.Submit * 1.1);
        Assert.InRange(thousands.Lease, 1, hundred.Lease * 1.1);
        Assert.InRange(thousands.Get, 1, hundred.Get * 1.1);
    }

    private static async Task<Costs> CostsAsync(RedisJobPlace place, Backlog backlog)
    {
        const int times = 32;
        var start = await CommandsAsync(place);
        await backlog.ServeAsync(times, Stop);
        var served = await CommandsAsync(place);
        await backlog.SubmitAsync(times, Stop);
        var submitted = await CommandsAsync(place);
        foreach (var id in backlog.Waiting(times))
            await place.Store.GetAsync(id, Stop);
        var looked = await CommandsAsync(place);
        await backlog.CancelAsync(times, Stop);
        var canceled = await CommandsAsync(place);
        return new Costs(Each(start, served), Each(served, submitted), Each(submitted, looked), Each(looked, canceled));

        static double Each(long before, long after) => (double)(after - before) / times;
    }

    private static async Task<long> CommandsAsync(RedisJobPlace place)
    {
        var stats = (await place.Connection.GetServers()[0].InfoAsync("commandstats"))[0];
        return stats.Where(p => p.Key is not ("cmdstat_info" or "cmdstat_ping")).Sum(p => long.Parse(p.Value.Split(',')[0]["calls=".Length..]));
    }

    private static async Task<long> MemoryAsync(RedisJobPlace place) =>
        long.Parse((await place.Connection.GetServers()[0].InfoAsync("memory"))[0].Single(p => p.Key == "used_memory").Value);

    /// <summary>Redis commands of one operation; a lease's with the completion.</summary>
    private sealed record Costs(double Lease, double Submit, double Get, double Cancel);
}
