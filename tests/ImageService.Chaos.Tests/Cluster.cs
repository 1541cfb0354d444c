using ImageService.Storage.Tests.Redis;
using ImageService.Tests;
using StackExchange.Redis;

namespace ImageService.Chaos.Tests;

/// <summary>The product as it runs on many machines, on this one: API replicas, workers, Redis, all real processes, and pictures in one folder.</summary>
internal sealed class Cluster : IAsyncDisposable
{
    /// <summary>The collection of all tests with a cluster: two at a time would disturb one another.</summary>
    public const string OneAtATime = "cluster";

    /// <summary>Begins every key in Redis.</summary>
    public const string Prefix = "{imageservice}:";

    /// <summary>The least that the product allows.</summary>
    public const int LeaseSeconds = 5;

    private readonly EndToEnd.Tests.TemporaryFolder _folder = new();
    private readonly string _models;
    private readonly string[] _settings;

    private Cluster(RedisProcess redis, string[] settings)
    {
        Redis = redis;
        _models = Path.Combine(_folder.Path, "models");
        _settings = settings;
        GoldenFolder.CopyModel("tiny-sd15", _models);
    }

    public RedisProcess Redis { get; }

    public List<Replica> Apis { get; } = [];

    public List<Replica> Workers { get; } = [];

    /// <summary>The first API's.</summary>
    public HttpClient Client => Apis[0].Process.Client;

    /// <summary>What the store calls the worker of that number.</summary>
    public static string WorkerId(int number) => $"worker-{number}";

    /// <param name="settings">More configuration of every process.</param>
    public static async Task<Cluster> StartAsync(int apis, int workers, string fsync = "always", params string[] settings)
    {
        RequireRedis();
        var cluster = new Cluster(new RedisProcess(fsync), settings);
        try
        {
            await cluster.Redis.WaitUntilReadyAsync();
            for (var i = 0; i < apis; i++)
                cluster.Apis.Add(new Replica("Api", [.. cluster.Shared(), .. Ports()]));
            for (var i = 0; i < workers; i++)
                cluster.Workers.Add(new Replica("Worker", [$"Models:Path={cluster._models}", $"Worker:LeaseSeconds={LeaseSeconds}", $"Worker:WorkerId={WorkerId(i)}", .. cluster.Shared()]));
            await Task.WhenAll(cluster.Apis.Concat(cluster.Workers).Select(r => r.StartAsync()));
            await Task.WhenAll(cluster.Apis.Concat(cluster.Workers).Select(r => r.WaitUntilReadyAsync()));
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>A Redis of the test's own, which it kills or looks into. Without one the calling test is skipped, or fails where the variable CI is set.</summary>
    public static void RequireRedis()
    {
        const string reason = "These tests need a Redis of their own: install redis-server.";
        if (RedisProcess.IsInstalled)
            return;
        if (Environment.GetEnvironmentVariable("CI") is { Length: > 0 })
            Assert.Fail(reason);
        Assert.Skip(reason);
    }

    /// <summary>A look into the store beside the product.</summary>
    public Task<ConnectionMultiplexer> ConnectAsync() => ConnectionMultiplexer.ConnectAsync(Redis.Connection);

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(Apis.Concat(Workers).Select(r => r.DisposeAsync().AsTask()));
        Redis.Dispose();
        _folder.Dispose();
    }

    private IEnumerable<string> Shared() =>
    [
        "Jobs:Store=redis", $"Redis:Connection={Redis.Connection}", $"Blobs:DiskPath={Path.Combine(_folder.Path, "blobs")}", "Models:Default=tiny-sd15", .. _settings,
    ];

    // Known before the start, so that a replica comes back where its clients look for it. Endpoints open by name: the first is the one for HTTP.
    private static string[] Ports() =>
    [
        $"Kestrel:Endpoints:Api:Url=http://127.0.0.1:{RedisProcess.FreePort()}",
        $"Kestrel:Endpoints:Grpc:Url=http://127.0.0.1:{RedisProcess.FreePort()}",
        "Kestrel:Endpoints:Grpc:Protocols=Http2",
    ];
}
