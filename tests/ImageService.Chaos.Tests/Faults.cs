namespace ImageService.Chaos.Tests;

/// <summary>What goes wrong, one thing after the other, in an order that the seed decides.</summary>
internal sealed class Faults
{
    private static readonly TimeSpan PastTheLease = TimeSpan.FromSeconds(Cluster.LeaseSeconds + 1);
    private readonly Cluster _cluster;
    private readonly Random _random;
    private readonly List<Func<Task>> _plan = [];

    public Faults(Cluster cluster, ChaosSize size, int seed)
    {
        (_cluster, _random) = (cluster, new Random(seed));
        _plan.AddRange(Enumerable.Repeat(KillWorkerAsync, size.WorkerKills));
        _plan.AddRange(Enumerable.Repeat(StopWorkerAsync, size.WorkerStops));
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
    }

    private Replica Worker() => _cluster.Workers[_random.Next(_cluster.Workers.Count)];

    private async Task KillWorkerAsync()
    {
        var worker = Worker();
        await worker.KillAsync();
        await worker.StartAsync();
    }

    private async Task StopWorkerAsync()
    {
        var worker = Worker();
        await worker.Process.SendAsync("STOP");
        await Task.Delay(PastTheLease);
        await worker.Process.SendAsync("CONT");
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
