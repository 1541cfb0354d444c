namespace ImageService.Core;

/// <summary>
/// What a worker needs of the place where jobs live: at-least-once delivery with leases. A lease carries a fencing token that grows with
/// every lease of the job; every write names it, and a write with an older token changes nothing and answers false.
/// </summary>
public interface IJobQueue
{
    /// <summary>
    /// Takes up to <see cref="LeaseRequest.Max"/> jobs, oldest first (priority first within a client). Jobs whose lease ran out are
    /// given back first; one that has used up its attempts ends <see cref="JobStatus.Failed"/> with code <c>attempts_exhausted</c>.
    /// </summary>
    Task<IReadOnlyList<LeasedJob>> LeaseAsync(LeaseRequest request, CancellationToken cancellationToken);

    /// <summary>Returns when there may be work, at the latest after about a second.</summary>
    Task WaitForWorkAsync(CancellationToken cancellationToken);

    /// <summary>Extends leases that are still held.</summary>
    /// <returns>Those that are not. Stop working on them.</returns>
    Task<IReadOnlyList<LostLease>> RenewAsync(IReadOnlyCollection<Lease> held, TimeSpan duration, CancellationToken cancellationToken);

    /// <summary>Ids of jobs canceled from now on, as they happen. A hint that may be missed: <see cref="RenewAsync"/> tells for certain.</summary>
    IAsyncEnumerable<JobId> CancellationsAsync(CancellationToken cancellationToken);

    /// <summary>Records a step. Also says how many steps there are.</summary>
    Task<bool> PublishProgressAsync(Lease lease, int step, int steps, CancellationToken cancellationToken);

    Task<bool> PublishPreviewAsync(Lease lease, Preview preview, CancellationToken cancellationToken);

    /// <summary>Ends the job <see cref="JobStatus.Succeeded"/> and makes the images visible, in one atomic step. The blobs must be readable before.</summary>
    Task<bool> CompleteAsync(Lease lease, JobResult result, CancellationToken cancellationToken);

    /// <summary>
    /// Ends the job <see cref="JobStatus.Failed"/>; with <paramref name="retry"/> it goes back to the queue while it has attempts left.
    /// </summary>
    Task<bool> FailAsync(Lease lease, JobError error, bool retry, CancellationToken cancellationToken);

    /// <summary>Hands the job back without counting the attempt, for shutdown. <paramref name="state"/> lets another worker go on from there.</summary>
    Task<bool> ReleaseAsync(Lease lease, ReadOnlyMemory<byte> state, CancellationToken cancellationToken);

    /// <summary>
    /// Tells API replicas what this worker can draw and how fast. Repeated at intervals: a model no worker has announced for a week is forgotten, a pace after
    /// <see cref="WorkerPace.Lifetime"/>, or at once when the worker announces an empty one.
    /// </summary>
    Task AnnounceAsync(IReadOnlyList<ModelDescription> models, WorkerPace pace, CancellationToken cancellationToken);
}

/// <param name="Token">Fencing token: larger than that of every earlier lease of the job.</param>
public readonly record struct Lease(JobId Id, long Token);

/// <param name="Canceled">Ended by its caller; otherwise taken over by another worker, about to be, or removed.</param>
public readonly record struct LostLease(Lease Lease, bool Canceled);

/// <param name="Max">1..1000.</param>
/// <param name="WorkerId">For people who look at the store.</param>
/// <param name="Duration">After this time without renewal the job is given to another worker.</param>
/// <param name="Models">Ids of models this worker can draw with; jobs for others are left alone.</param>
public sealed record LeaseRequest(int Max, string WorkerId, TimeSpan Duration, IReadOnlyCollection<string> Models);

/// <param name="State">What <see cref="IJobQueue.ReleaseAsync"/> left behind; empty = start at the beginning.</param>
/// <param name="TraceParent">W3C trace context of the request, or null.</param>
public sealed record LeasedJob(Job Job, Lease Lease, ReadOnlyMemory<byte> State = default, string? TraceParent = null);

/// <param name="Content">A small PNG.</param>
public sealed record Preview(int Index, int Step, int Steps, ReadOnlyMemory<byte> Content, string ContentType, int Width, int Height);

public sealed record JobResult(IReadOnlyList<GeneratedImage> Images, JobTimings Timings, IReadOnlyList<string> Warnings);
