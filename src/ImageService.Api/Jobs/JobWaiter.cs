using ImageService.Core;

namespace ImageService.Api.Jobs;

/// <summary>Holds a request until its job has ended.</summary>
internal sealed class JobWaiter(TimedJobStore store, Drain drain, TimeProvider time)
{
    /// <returns>
    /// The ended job, or its latest known state when time is up, the service stops or the store fails: the job was accepted, and no trouble
    /// afterwards may make the caller believe otherwise.
    /// </returns>
    public async Task<Job> WaitAsync(Job job, TimeSpan limit, CancellationToken cancellationToken)
    {
        if (job.IsFinal || limit == TimeSpan.Zero)
            return job;
        using var timeout = new CancellationTokenSource(limit, time);
        using var any = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, drain.Over, cancellationToken);
        try
        {
            if (await store.WaitForEndAsync(job.Id, any.Token) is { } ended)
                return ended;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
        }
        catch (StoreUnavailableException)
        {
            return job;
        }
        return await LatestAsync(job, cancellationToken);
    }

    private async Task<Job> LatestAsync(Job job, CancellationToken cancellationToken)
    {
        try
        {
            return await store.GetAsync(job.Id, cancellationToken) ?? job;
        }
        catch (StoreUnavailableException)
        {
            return job;
        }
    }
}
