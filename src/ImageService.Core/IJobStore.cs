namespace ImageService.Core;

/// <summary>What an API needs of the place where jobs live. <see cref="IJobQueue"/> is the worker's view of the same place.</summary>
/// <remarks>Every method may throw <see cref="StoreUnavailableException"/>; none blocks longer than a few seconds.</remarks>
public interface IJobStore
{
    /// <summary>Puts a job in the queue, durably: when this returns <see cref="SubmitOutcome.Accepted"/> the job will reach a final state.</summary>
    Task<SubmitResult> SubmitAsync(JobSubmission submission, CancellationToken cancellationToken);

    /// <summary>The job with its queue position, or null if there is none of that name.</summary>
    Task<Job?> GetAsync(JobId id, CancellationToken cancellationToken);

    /// <summary>True for a day after an ended job was removed for its age: "gone" rather than "never heard of".</summary>
    Task<bool> WasRemovedAsync(JobId id, CancellationToken cancellationToken) => Task.FromResult(false);

    /// <summary>Newest first, by id. Queue positions and loads are left out: <see cref="GetAsync"/> tells them.</summary>
    Task<JobPage> ListAsync(JobQuery query, CancellationToken cancellationToken);

    /// <summary>
    /// Ends a job that has not ended yet. The state is final at once; a worker that holds it hears of it by
    /// <see cref="IJobQueue.CancellationsAsync"/> and drops it at its next step.
    /// </summary>
    /// <returns>The job as it is now (canceled, or as it had ended before), or null if there is none.</returns>
    Task<Job?> CancelAsync(JobId id, CancellationToken cancellationToken);

    /// <summary>
    /// The job's events after <paramref name="afterSequence"/> (0 = all that are kept), then live ones, up to and including
    /// <see cref="JobFinished"/>. Old previews may have been dropped; the final event never is. Ends at once for an unknown job.
    /// </summary>
    IAsyncEnumerable<JobEvent> WatchAsync(JobId id, long afterSequence, CancellationToken cancellationToken);

    /// <summary>Returns when the job has ended. Where a store can tell that with less work than by all of the job's events, it does.</summary>
    /// <returns>The ended job; null if there is none of that name.</returns>
    async Task<Job?> WaitForEndAsync(JobId id, CancellationToken cancellationToken)
    {
        await foreach (var happened in WatchAsync(id, 0, cancellationToken))
        {
            if (happened is JobFinished finished)
                return finished.Job;
        }
        return null;
    }

    /// <summary>Models that workers have announced.</summary>
    Task<IReadOnlyList<ModelDescription>> ListModelsAsync(CancellationToken cancellationToken);

    /// <summary>What workers measured, of those that announced it within <see cref="WorkerPace.Lifetime"/>.</summary>
    Task<IReadOnlyList<WorkerPace>> ListPacesAsync(CancellationToken cancellationToken);

    /// <summary>Jobs waiting and running, for health, limits and metrics.</summary>
    Task<QueueDepth> DepthAsync(CancellationToken cancellationToken);

    /// <summary>How many jobs of one client wait, however many there are.</summary>
    Task<int> WaitingAsync(string client, CancellationToken cancellationToken);

    /// <summary>How many jobs wait for pictures of each size, for metrics; sizes for which none waits are left out.</summary>
    Task<IReadOnlyList<ShapeDepth>> ShapesAsync(CancellationToken cancellationToken);
}

/// <param name="Id">Chosen by the caller, so that a submit whose answer was lost can be repeated without a second job.</param>
/// <param name="Client">See <see cref="Job.Client"/>.</param>
/// <param name="IdempotencyKey">The caller's key, already scoped to the caller; null = none.</param>
/// <param name="Fingerprint">Digest of the request as it was sent; compared when the key was seen before.</param>
/// <param name="TraceParent">W3C trace context to go on from, or null.</param>
public sealed record JobSubmission(JobId Id, GenerationRequest Request, string Client = "", string? IdempotencyKey = null,
    string? Fingerprint = null, string? TraceParent = null);

public enum SubmitOutcome
{
    Accepted,

    /// <summary>The same key and request came before: that job is returned.</summary>
    Replayed,

    /// <summary>The same key came before with another request.</summary>
    KeyReused,

    /// <summary>The queue holds as many jobs as it may.</summary>
    QueueFull,
}

/// <param name="Job">The accepted or replayed job; null otherwise.</param>
/// <param name="Depth">The queue as it was met.</param>
/// <param name="Waiting">With <see cref="SubmitOutcome.QueueFull"/>: the cost (<see cref="RequestCost"/>) of all jobs that wait.</param>
public sealed record SubmitResult(SubmitOutcome Outcome, Job? Job, QueueDepth Depth, long Waiting = 0);

/// <param name="Queued">Jobs that wait.</param>
/// <param name="Running">Jobs that a worker holds.</param>
public readonly record struct QueueDepth(int Queued, int Running);

/// <param name="Width">Pixels.</param>
/// <param name="Height">Pixels.</param>
/// <param name="Queued">Jobs that wait.</param>
public readonly record struct ShapeDepth(int Width, int Height, int Queued);

/// <param name="Limit">1..100.</param>
/// <param name="Before">List jobs older than this one; null = from the newest.</param>
/// <param name="Status">Only jobs in this state; null = all.</param>
/// <param name="Client">Only this client's jobs; null = all.</param>
public sealed record JobQuery(int Limit = 20, JobId? Before = null, JobStatus? Status = null, string? Client = null);

/// <param name="Next">Give it as <see cref="JobQuery.Before"/> for the next page; null = no more.</param>
public sealed record JobPage(IReadOnlyList<Job> Jobs, JobId? Next);

/// <summary>The job store cannot be reached or refuses service. Callers answer 503 and the client tries again.</summary>
public sealed class StoreUnavailableException : Exception
{
    public StoreUnavailableException() { }
    public StoreUnavailableException(string message) : base(message) { }
    public StoreUnavailableException(string message, Exception inner) : base(message, inner) { }
}
