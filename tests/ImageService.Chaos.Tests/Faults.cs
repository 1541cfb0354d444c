using System.Diagnostics;
using StackExchange.Redis;

namespace ImageService.Chaos.Tests;

/// <summary>What goes wrong, one thing after the other, in an order that the seed decides.</summary>
internal sealed class Faults
{
    private static readonly TimeSpan PastTheLease = TimeSpan.FromSeconds(Cluster.LeaseSeconds + 1);
    private static readonly TimeSpan ForAMoment = TimeSpan.FromSeconds(2);
    private const int MostStopsMore = 10;
    private readonly Cluster _cluster;
    private readonly IDatabase _store;
    private readonly Random _random;
    private readonly List<Func<Task>> _plan = [];

    public Faults(Cluster cluster, IDatabase store, ChaosSize size, int seed)
    {
        (_cluster, _store, _random) = (cluster, store, new Random(seed));
        _plan.AddRange(Enumerable.Repeat(KillWorkerAsync, size.WorkerKills));
        _plan.AddRange(Enumerable.Repeat(StopSomeWorkerAsync, size.WorkerStops));
        _plan.AddRange(Enumerable.Repeat(KillRedisAsync, size.RedisKills));
        _plan.AddRange(Enumerable.Repeat(StopRedisAsync, size.RedisStops));
    }

    public async Task RunAsync(CancellationToken stop)
    {
        var order = _plan.ToArray();
        _random.Shuffle(order);
        foreach (var fault in order)
        {
            await Task.Delay(_random.Next(300, 1500), stop);
            await fault();
        }
        // Whether a stopped worker's result comes before its next renewal is chance; a run without one has not tested the fencing.
        for (var more = 0; more < MostStopsMore && await LateAsync(_store) == 0; more += 2)
        {
            await Task.Delay(_random.Next(300, 1500), stop);
            var spared = _random.Next(_cluster.Workers.Count);
            await Task.WhenAll(Enumerable.Range(0, _cluster.Workers.Count).Where(number => number != spared).Select(StopWorkerAsync));
        }
    }

    /// <summary>Completions that came after the lease and were refused.</summary>
    public static async Task<long> LateAsync(IDatabase store) => (long)await store.HashGetAsync(Cluster.Prefix + "counters", "late");

    private Replica Worker() => _cluster.Workers[_random.Next(_cluster.Workers.Count)];

    private async Task KillWorkerAsync()
    {
        var worker = Worker();
        await worker.KillAsync();
        await worker.StartAsync();
    }

    private Task StopSomeWorkerAsync() => StopWorkerAsync(_random.Next(_cluster.Workers.Count));

    private async Task StopWorkerAsync(int number)
    {
        var worker = _cluster.Workers[number];
        // When it has just drawn a picture, so that the completion is the next that it does.
        for (var waited = Stopwatch.StartNew(); waited.Elapsed < ForAMoment && !await HasDrawnAsync(Cluster.WorkerId(number));)
            await Task.Yield();
        await worker.Process.SendAsync("STOP");
        await Task.Delay(PastTheLease);
        await worker.Process.SendAsync("CONT");
    }

    private async Task<bool> HasDrawnAsync(string worker)
    {
        try
        {
            var ids = await _store.SortedSetRangeByRankAsync(Cluster.Prefix + "leases");
            var jobs = await Task.WhenAll(ids.Select(id => _store.HashGetAsync($"{Cluster.Prefix}job:{id}", ["worker", "step", "steps"])));
            return jobs.Any(job => job[0] == worker && (int)job[2] > 0 && job[1] == job[2]);
        }
        catch (RedisException)
        {
            return true; // not back from the last fault
        }
    }

    private async Task KillRedisAsync()
    {
        _cluster.Redis.Kill();
        await Task.Delay(_random.Next(0, 1000));
        _cluster.Redis.Restart();
        await _cluster.Redis.WaitUntilReadyAsync();
    }

    private async Task StopRedisAsync()
    {
        _cluster.Redis.Send("STOP");
        await Task.Delay(PastTheLease);
        _cluster.Redis.Send("CONT");
    }
}
