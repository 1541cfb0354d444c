using ImageService.Storage.Tests.Contracts;

namespace ImageService.Storage.Tests.Sqlite;

public sealed class SqliteJobsContract : JobStoreContract
{
    private protected override Task<JobPlace> OpenAsync(int maxQueuedJobs) => Task.FromResult<JobPlace>(new SqliteJobPlace(maxQueuedJobs));
}
