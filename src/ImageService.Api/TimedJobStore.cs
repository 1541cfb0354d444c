using ImageService.Core;
using ImageService.Storage.Telemetry;
using Microsoft.Extensions.Options;

namespace ImageService.Api;

/// <summary>
/// The job store, with a bound on how long a caller waits for it. A store that hangs would otherwise hold every request thread and turn one
/// outage into another; a bounded wait turns it into a 503 that clients know how to handle.
/// </summary>
internal sealed class TimedJobStore(IJobStore store, IOptions<ApiOptions> options, TimeProvider time)
{
    public Task<SubmitResult> SubmitAsync(JobSubmission submission, CancellationToken cancellationToken) =>
        Within(token => store.SubmitAsync(submission, token), cancellationToken);

    public Task<Job?> GetAsync(JobId id, CancellationToken cancellationToken) => Within(token => store.GetAsync(id, token), cancellationToken);

    public Task<bool> WasRemovedAsync(JobId id, CancellationToken cancellationToken) => Within(token => store.WasRemovedAsync(id, token), cancellationToken);

    public Task<JobPage> ListAsync(JobQuery query, CancellationToken cancellationToken) =>
        Within(token => store.ListAsync(query, token), cancellationToken);

    public Task<Job?> CancelAsync(JobId id, CancellationToken cancellationToken) => Within(token => store.CancelAsync(id, token), cancellationToken);

    public Task<IReadOnlyList<ModelDescription>> ListModelsAsync(CancellationToken cancellationToken) =>
        Within(store.ListModelsAsync, cancellationToken);

    public Task<IReadOnlyList<WorkerPace>> ListPacesAsync(CancellationToken cancellationToken) =>
        Within(store.ListPacesAsync, cancellationToken);

    public Task<int> WaitingAsync(string client, CancellationToken cancellationToken) => Within(token => store.WaitingAsync(client, token), cancellationToken);

    public Task<IReadOnlyList<ShapeDepth>> ShapesAsync(CancellationToken cancellationToken) => Within(store.ShapesAsync, cancellationToken);

    public Task<QueueDepth> DepthAsync(CancellationToken cancellationToken) => Within(store.DepthAsync, cancellationToken);

    /// <summary>Not bounded: waiting is what watching is.</summary>
    public IAsyncEnumerable<JobEvent> WatchAsync(JobId id, long afterSequence, CancellationToken cancellationToken) =>
        store.WatchAsync(id, afterSequence, cancellationToken);

    /// <summary>Not bounded either.</summary>
    public Task<Job?> WaitForEndAsync(JobId id, CancellationToken cancellationToken) => store.WaitForEndAsync(id, cancellationToken);

    private async Task<T> Within<T>(Func<CancellationToken, Task<T>> call, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(options.Value.StoreTimeoutSeconds), time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        try
        {
            return await call(either.Token).WaitAsync(either.Token);
        }
        catch (OperationCanceledException e) when (timeout.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            StorageTelemetry.JobStoreFailed();
            throw new StoreUnavailableException($"No answer from the job store within {options.Value.StoreTimeoutSeconds} s.", e);
        }
    }
}
