using ImageService.Core;

namespace ImageService.Storage.Tests.Contracts;

/// <summary>A fresh, empty job store under test, and what a test may do to it from outside.</summary>
internal abstract class JobPlace : IAsyncDisposable
{
    public abstract IJobStore Store { get; }
    public abstract IJobQueue Queue { get; }
    public abstract IJobRetention Retention { get; }

    /// <summary>What the store takes for the time.</summary>
    public abstract DateTimeOffset Now { get; }

    /// <summary>Another client of the same place, as another process would be; closed with this one.</summary>
    public abstract Task<JobPlace> OpenSecondAsync();

    /// <summary>Lets a lease run out now.</summary>
    public abstract Task ExpireLeaseAsync(JobId id);

    /// <summary>Makes an ended job older than the retention time.</summary>
    public abstract Task AgeAsync(JobId id);

    public abstract ValueTask DisposeAsync();
}
