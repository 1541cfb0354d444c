using ImageService.Core;
using ImageService.Storage.Redis;
using ImageService.Storage.Tests.Contracts;
using StackExchange.Redis;

namespace ImageService.Storage.Tests.Redis;

/// <summary>Keys of its own on a shared server; they are removed at the end.</summary>
internal sealed class RedisJobPlace : JobPlace
{
    private readonly string server;
    private readonly string prefix;
    private readonly int maxQueuedJobs;
    private readonly bool isFirst;
    private readonly RedisJobs jobs;
    private readonly List<RedisJobPlace> others = [];

    public RedisJobPlace(string server, int maxQueuedJobs = 100_000)
        : this(server, $"{{test-{Guid.NewGuid():n}}}", maxQueuedJobs, isFirst: true)
    {
    }

    private RedisJobPlace(string server, string prefix, int maxQueuedJobs, bool isFirst)
    {
        this.server = server;
        this.prefix = prefix;
        this.maxQueuedJobs = maxQueuedJobs;
        this.isFirst = isFirst;
        jobs = new RedisJobs(new RedisOptions { Connection = server, KeyPrefix = prefix }, new JobsOptions(),
            new QueueLimitsOptions { MaxQueuedJobs = maxQueuedJobs });
        Connection = ConnectionMultiplexer.Connect(server + ",allowAdmin=true,abortConnect=false");
    }

    public ConnectionMultiplexer Connection { get; }
    public override IJobStore Store => jobs;
    public override IJobQueue Queue => jobs;
    public override IJobRetention Retention => jobs;
    public override DateTimeOffset Now => TimeProvider.System.GetUtcNow();

    public string Key(string name) => $"{prefix}:{name}";

    public override Task<JobPlace> OpenSecondAsync()
    {
        var second = new RedisJobPlace(server, prefix, maxQueuedJobs, isFirst: false);
        others.Add(second);
        return Task.FromResult<JobPlace>(second);
    }

    public override Task ExpireLeaseAsync(JobId id) => Connection.GetDatabase().SortedSetAddAsync(Key("leases"), id.Value, 0, When.Exists);

    public override Task AgeAsync(JobId id) => Connection.GetDatabase().SortedSetAddAsync(Key("final"), id.Value, 0, When.Exists);

    public override async ValueTask DisposeAsync()
    {
        foreach (var other in others)
            await other.DisposeAsync();
        jobs.Dispose();
        if (isFirst)
        {
            var keys = new List<RedisKey>();
            await foreach (var key in Connection.GetServers()[0].KeysAsync(pattern: prefix + "*", pageSize: 1000))
                keys.Add(key);
            await Connection.GetDatabase().KeyDeleteAsync([.. keys]);
        }
        await Connection.DisposeAsync();
    }
}
