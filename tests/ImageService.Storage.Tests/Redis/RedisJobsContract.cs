using ImageService.Storage.Tests.Contracts;

namespace ImageService.Storage.Tests.Redis;

public sealed class RedisJobsContract(RedisServer server) : JobStoreContract
{
    private protected override Task<JobPlace> OpenAsync(int maxQueuedJobs) => Task.FromResult<JobPlace>(new RedisJobPlace(server.Connection, maxQueuedJobs));
}
