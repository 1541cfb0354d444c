using System.Diagnostics;
using ImageService.Storage.Tests.Contracts;
using StackExchange.Redis;

namespace ImageService.Storage.Tests.Redis;

/// <summary>
/// The contract on Redis Cluster: a node in cluster mode refuses a script whose keys are not in one slot. One node with all slots refuses what many would.
/// </summary>
public sealed class RedisClusterContract(RedisClusterNode node) : JobStoreContract, IClassFixture<RedisClusterNode>
{
    private protected override Task<JobPlace> OpenAsync(int maxQueuedJobs) => Task.FromResult<JobPlace>(new RedisJobPlace(node.Connection, maxQueuedJobs));
}

/// <summary>A Redis Cluster of one node.</summary>
public sealed class RedisClusterNode : IAsyncLifetime
{
    private RedisProcess? process;

    public string Connection => process!.Connection;

    public async ValueTask InitializeAsync()
    {
        if (!RedisProcess.IsInstalled)
            RedisServer.GiveUp("There is no Redis for a cluster: install redis-server.");
        process = new RedisProcess("everysec", "--cluster-enabled", "yes", "--cluster-port", RedisProcess.FreePort().ToString());
        await process.WaitUntilReadyAsync();
        await using var connection = await ConnectionMultiplexer.ConnectAsync(Connection + ",allowAdmin=true");
        await connection.GetServers()[0].ExecuteAsync("CLUSTER", "ADDSLOTSRANGE", "0", "16383");
        var begun = Stopwatch.StartNew();
        while (!((string)(await connection.GetServers()[0].ExecuteAsync("CLUSTER", "INFO"))!).Contains("cluster_state:ok", StringComparison.Ordinal))
        {
            if (begun.Elapsed > TimeSpan.FromSeconds(20))
                throw new TimeoutException("The cluster does not come up.");
            await Task.Delay(50);
        }
    }

    public ValueTask DisposeAsync()
    {
        process?.Dispose();
        return ValueTask.CompletedTask;
    }
}
