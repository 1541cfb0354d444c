using System.Globalization;
using ImageService.Core;
using Microsoft.Extensions.Options;

namespace ImageService.Api.Jobs;

/// <summary>When jobs will start and end, and when to come back: <see cref="WaitEstimate"/> over what workers have announced, which is kept for a moment.</summary>
internal sealed class JobEstimates(TimedJobStore store, IOptions<ApiOptions> options, TimeProvider time)
{
    // Sooner is no use, and nobody who waits longer should believe a figure that old.
    private static readonly TimeSpan Soonest = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Latest = TimeSpan.FromSeconds(600);
    private volatile Snapshot? _latest;

    /// <returns>Nothing where it is not known: the job has ended, or no worker has measured its model.</returns>
    public async ValueTask<JobTimes> OfAsync(Job job, CancellationToken cancellationToken) =>
        job.Load is null ? default : (await ForAsync(job.Request.Model, cancellationToken))?.Of(job, time.GetUtcNow()) ?? default;

    /// <summary>The same at one of the job's events.</summary>
    public async ValueTask<JobTimes> OfAsync(GenerationRequest request, JobEvent happened, CancellationToken cancellationToken) =>
        happened is JobProgress { Load: not null } p && await ForAsync(request.Model, cancellationToken) is { } estimate
            ? estimate.Of(request, p.Status, p.Step, p.Steps, p.Load, time.GetUtcNow())
            : default;

    /// <summary>After how long a place in a full queue will be free.</summary>
    public async ValueTask<TimeSpan> UntilPlaceAsync(string model, SubmitResult refused, CancellationToken cancellationToken) =>
        await ForAsync(model, cancellationToken) is { } estimate ? Sensible(estimate.PerPlace(refused.Waiting, refused.Depth.Queued)) : Unknown;

    /// <summary>After how long the job will have started.</summary>
    public async ValueTask<TimeSpan> UntilStartAsync(JobId id, CancellationToken cancellationToken) =>
        await store.GetAsync(id, cancellationToken) is { } job && (await OfAsync(job, cancellationToken)).StartAt is { } start ? UntilAt(start) : Unknown;

    /// <summary>Says in <c>Retry-After</c> when a job that has not ended will have; without a word where that is not known.</summary>
    public void Announce(JobTimes times, IHeaderDictionary headers)
    {
        if (times.FinishAt is { } end)
            headers.RetryAfter = Math.Ceiling(UntilAt(end).TotalSeconds).ToString(CultureInfo.InvariantCulture);
    }

    private TimeSpan Unknown => TimeSpan.FromSeconds(options.Value.RetryAfterSeconds);

    private TimeSpan UntilAt(DateTimeOffset then) => Sensible(then - time.GetUtcNow());

    private static TimeSpan Sensible(TimeSpan wait) => wait < Soonest ? Soonest : wait > Latest ? Latest : wait;

    private async ValueTask<WaitEstimate?> ForAsync(string model, CancellationToken cancellationToken)
    {
        var age = TimeSpan.FromSeconds(options.Value.ModelCacheSeconds);
        if (_latest is not { } snapshot || time.GetElapsedTime(snapshot.TakenAt) >= age)
        {
            try
            {
                _latest = snapshot = new Snapshot(await store.ListPacesAsync(cancellationToken), time.GetTimestamp());
            }
            catch (StoreUnavailableException)
            {
                return null; // a job is told without its estimate rather than not at all
            }
        }
        return WaitEstimate.For(model, snapshot.Paces);
    }

    private sealed record Snapshot(IReadOnlyList<WorkerPace> Paces, long TakenAt);
}
