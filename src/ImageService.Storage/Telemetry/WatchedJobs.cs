using ImageService.Core;

namespace ImageService.Storage.Telemetry;

/// <summary>The job store as callers get it: every failed call is counted, and calls made for a request or a job are spans of its trace.</summary>
internal sealed class WatchedJobs(IJobRetention jobs) : IJobStore, IJobQueue
{
    private const string Store = StorageTelemetry.Jobs;
    private readonly IJobStore _store = (IJobStore)jobs;
    private readonly IJobQueue _queue = (IJobQueue)jobs;

    public Task<SubmitResult> SubmitAsync(JobSubmission submission, CancellationToken cancellationToken) =>
        Watched.RunAsync(Store, "submit", () => _store.SubmitAsync(submission, cancellationToken));

    public Task<Job?> GetAsync(JobId id, CancellationToken cancellationToken) => Watched.RunAsync(Store, "get", () => _store.GetAsync(id, cancellationToken));

    public Task<bool> WasRemovedAsync(JobId id, CancellationToken cancellationToken) =>
        Watched.RunAsync(Store, "was removed", () => _store.WasRemovedAsync(id, cancellationToken));

    public Task<JobPage> ListAsync(JobQuery query, CancellationToken cancellationToken) =>
        Watched.RunAsync(Store, "list", () => _store.ListAsync(query, cancellationToken));

    // Asked before: the answer to a cancel does not tell whether this one or an earlier one ended the job.
    public Task<Job?> CancelAsync(JobId id, CancellationToken cancellationToken) => Watched.RunAsync(Store, "cancel", async () =>
    {
        var before = await _store.GetAsync(id, cancellationToken);
        if (before is null or { IsFinal: true })
            return before;
        var after = await _store.CancelAsync(id, cancellationToken);
        if (after is { Status: JobStatus.Canceled })
            StorageTelemetry.Finished(JobStatus.Canceled);
        return after;
    });

    public IAsyncEnumerable<JobEvent> WatchAsync(JobId id, long afterSequence, CancellationToken cancellationToken) =>
        Watched.Stream(Store, _store.WatchAsync(id, afterSequence, cancellationToken), cancellationToken);

    public Task<Job?> WaitForEndAsync(JobId id, CancellationToken cancellationToken) =>
        Watched.RunAsync(Store, "wait", () => _store.WaitForEndAsync(id, cancellationToken));

    public Task<IReadOnlyList<ModelDescription>> ListModelsAsync(CancellationToken cancellationToken) =>
        Watched.RunAsync(Store, "list models", () => _store.ListModelsAsync(cancellationToken));

    public Task<IReadOnlyList<WorkerPace>> ListPacesAsync(CancellationToken cancellationToken) =>
        Watched.RunAsync(Store, "list paces", () => _store.ListPacesAsync(cancellationToken));

    public Task<int> WaitingAsync(string client, CancellationToken cancellationToken) =>
        Watched.RunAsync(Store, "waiting", () => _store.WaitingAsync(client, cancellationToken));

    public Task<IReadOnlyList<ShapeDepth>> ShapesAsync(CancellationToken cancellationToken) => Watched.RunAsync(Store, "shapes", () => _store.ShapesAsync(cancellationToken));

    public Task<QueueDepth> DepthAsync(CancellationToken cancellationToken) => Watched.RunAsync(Store, "depth", () => _store.DepthAsync(cancellationToken));

    public Task<IReadOnlyList<LeasedJob>> LeaseAsync(LeaseRequest request, CancellationToken cancellationToken) =>
        Watched.RunAsync(Store, "lease", () => _queue.LeaseAsync(request, cancellationToken));

    public Task WaitForWorkAsync(CancellationToken cancellationToken) => _queue.WaitForWorkAsync(cancellationToken);

    public Task<IReadOnlyList<LostLease>> RenewAsync(IReadOnlyCollection<Lease> held, TimeSpan duration, CancellationToken cancellationToken) =>
        Watched.RunAsync(Store, "renew", () => _queue.RenewAsync(held, duration, cancellationToken));

    public IAsyncEnumerable<JobId> CancellationsAsync(CancellationToken cancellationToken) =>
        Watched.Stream(Store, _queue.CancellationsAsync(cancellationToken), cancellationToken);

    public Task<bool> PublishProgressAsync(Lease lease, int step, int steps, CancellationToken cancellationToken) =>
        Watched.RunAsync(Store, "progress", () => _queue.PublishProgressAsync(lease, step, steps, cancellationToken));

    public Task<bool> PublishPreviewAsync(Lease lease, Preview preview, CancellationToken cancellationToken) =>
        Watched.RunAsync(Store, "preview", () => _queue.PublishPreviewAsync(lease, preview, cancellationToken));

    public Task<bool> CompleteAsync(Lease lease, JobResult result, CancellationToken cancellationToken) => Watched.RunAsync(Store, "complete", async () =>
    {
        var completed = await _queue.CompleteAsync(lease, result, cancellationToken);
        if (completed)
            StorageTelemetry.Finished(JobStatus.Succeeded);
        return completed;
    });

    public Task<bool> FailAsync(Lease lease, JobError error, bool retry, CancellationToken cancellationToken) => Watched.RunAsync(Store, "fail", async () =>
    {
        var written = await _queue.FailAsync(lease, error, retry, cancellationToken);
        // With attempts left it is in the queue again. Failures are few: one more question costs nothing.
        if (written && (!retry || await _store.GetAsync(lease.Id, cancellationToken) is { Status: JobStatus.Failed }))
            StorageTelemetry.Finished(JobStatus.Failed);
        return written;
    });

    public Task<bool> ReleaseAsync(Lease lease, ReadOnlyMemory<byte> state, CancellationToken cancellationToken) =>
        Watched.RunAsync(Store, "release", () => _queue.ReleaseAsync(lease, state, cancellationToken));

    public Task AnnounceAsync(IReadOnlyList<ModelDescription> models, WorkerPace pace, CancellationToken cancellationToken) =>
        Watched.RunAsync(Store, "announce", () => _queue.AnnounceAsync(models, pace, cancellationToken));
}
