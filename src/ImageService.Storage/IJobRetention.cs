using ImageService.Core;

namespace ImageService.Storage;

/// <summary>What the sweeper needs of a job store.</summary>
internal interface IJobRetention
{
    /// <summary>Gives jobs whose lease ran out back to the queue even when no worker asks for work.</summary>
    Task ReturnExpiredLeasesAsync(CancellationToken cancellationToken);

    /// <summary>Removes up to <paramref name="max"/> jobs that ended before the retention time and tells which; their blobs are the caller's to remove.</summary>
    Task<IReadOnlyList<JobId>> RemoveOldAsync(int max, CancellationToken cancellationToken);
}
