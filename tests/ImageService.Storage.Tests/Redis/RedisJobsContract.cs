using ImageService.Storage.Tests.Contracts;

namespace ImageService.Storage.Tests.Redis;

public sealed class RedisJobsContract(RedisServer server) : JobStoreContract
{
    private protected override async Task<JobPlace> OpenAsync(int maxQueuedJobs) =>
        new RedisJobPlace(await server.ConnectionAsync(), maxQueuedJobs);
}
