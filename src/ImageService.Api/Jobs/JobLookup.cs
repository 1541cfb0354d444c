using ImageService.Api.Problems;
using ImageService.Core;

namespace ImageService.Api.Jobs;

/// <summary>Jobs by the id that a caller gives, which may be anything.</summary>
internal static class JobLookup
{
    /// <exception cref="ProblemException">404 for an id that is not known, 410 for a day after the job's removal.</exception>
    public static Task<Job> FindAsync(this TimedJobStore store, string id, CancellationToken cancellationToken) =>
        OrMissingAsync(store, id, store.GetAsync, cancellationToken);

    /// <summary>Ends a job that has not ended.</summary>
    /// <exception cref="ProblemException">As <see cref="FindAsync"/>.</exception>
    public static Task<Job> EndAsync(this TimedJobStore store, string id, CancellationToken cancellationToken) =>
        OrMissingAsync(store, id, store.CancelAsync, cancellationToken);

    private static async Task<Job> OrMissingAsync(TimedJobStore store, string id, Func<JobId, CancellationToken, Task<Job?>> look, CancellationToken cancellationToken)
    {
        if (!JobId.TryParse(id, out var jobId))
            throw ProblemException.JobNotFound();
        if (await look(jobId, cancellationToken) is { } job)
            return job;
        throw await store.WasRemovedAsync(jobId, cancellationToken)
            ? new ProblemException(ProblemKind.JobGone, "The job has ended and was removed after its retention time, with its pictures.")
            : ProblemException.JobNotFound();
    }
}
