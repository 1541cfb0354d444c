using System.Diagnostics;
using ImageService.Core;
using ImageService.Storage.Tests.Contracts;
using ImageService.Storage.Tests.Redis;
using ImageService.Storage.Tests.Sqlite;

namespace ImageService.Storage.Tests;

/// <summary>
/// Figures, not facts: <c>dotnet run -c Release --project tests/ImageService.Storage.Tests -- -explicit only -class "*ThroughputTests" -showliveoutput</c>.
/// </summary>
public sealed class ThroughputTests(RedisServer server, ITestOutputHelper output)
{
    private const int Jobs = 5000;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory(Explicit = true)]
    [InlineData("sqlite")]
    [InlineData("sqlite full")]
    [InlineData("redis")]
    public async Task Operations_a_second_with_32_callers(string store)
    {
        await using JobPlace place = store switch
        {
            "sqlite" => new SqliteJobPlace(),
            "sqlite full" => new SqliteJobPlace(synchronous: "full"),
            _ => new RedisJobPlace(await server.ConnectionAsync()),
        };
        await MeasureAsync($"{store} warm-up", 300, _ => place.Store.SubmitAsync(JobStoreContract.Submission(), Stop));
        await MeasureAsync($"{store} submit", Jobs, _ => place.Store.SubmitAsync(JobStoreContract.Submission(), Stop));
        var ids = (await place.Store.ListAsync(new JobQuery(100), Stop)).Jobs;
        await MeasureAsync($"{store} get", Jobs, i => place.Store.GetAsync(ids[i % ids.Count].Id, Stop));
        var leases = new Lease[Jobs];
        await MeasureAsync($"{store} lease", Jobs, async i =>
            leases[i] = (await place.Queue.LeaseAsync(new LeaseRequest(1, "w", TimeSpan.FromHours(1), ["starter"]), Stop))[0].Lease);
        await MeasureAsync($"{store} progress", Jobs, i => place.Queue.PublishProgressAsync(leases[i], 1, 20, Stop));
        await MeasureAsync($"{store} complete", Jobs, i => place.Queue.CompleteAsync(leases[i], JobStoreContract.Result(leases[i]), Stop));
    }

    private async Task MeasureAsync(string name, int count, Func<int, Task> operation)
    {
        var begun = Stopwatch.StartNew();
        await Parallel.ForEachAsync(Enumerable.Range(0, count), new ParallelOptions { MaxDegreeOfParallelism = 32, CancellationToken = Stop },
            async (i, _) => await operation(i));
        output.WriteLine($"{name}: {count / begun.Elapsed.TotalSeconds:F0}/s");
    }
}
