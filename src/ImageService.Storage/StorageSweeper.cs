using ImageService.Core;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace ImageService.Storage;

/// <summary>
/// Removes what nobody needs any more: ended jobs past their retention time with their blobs, and blobs of attempts that were fenced off.
/// Several processes may sweep the same stores: every step may be done twice.
/// </summary>
internal sealed class StorageSweeper(IJobStore jobs, IJobRetention retention, IBlobStore blobs, TimeProvider time, ILogger<StorageSweeper> logger)
    : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan OrphanInterval = TimeSpan.FromHours(1);
    private const string EveryJob = "jobs/";
    private const int JobsARound = 100;

    /// <summary>Blobs are written before the job they belong to exists (start images) or counts (pictures).</summary>
    private static readonly TimeSpan OrphanAge = TimeSpan.FromHours(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        var orphansDue = time.GetUtcNow() + Interval;
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                try
                {
                    await SweepJobsAsync(stoppingToken);
                    if (time.GetUtcNow() < orphansDue)
                        continue;
                    await SweepOrphansAsync(stoppingToken);
                    orphansDue = time.GetUtcNow() + OrphanInterval;
                }
                catch (Exception e) when (e is StoreUnavailableException or BlobUnavailableException or IOException)
                {
                    Log.SweepFailed(logger, e.Message);
                }
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // the host stops
        }
    }

    /// <summary>The job first, then its blobs: whoever still reads a job can read its pictures, and a crash in between leaves orphans.</summary>
    internal async Task SweepJobsAsync(CancellationToken cancellationToken)
    {
        await retention.ReturnExpiredLeasesAsync(cancellationToken);
        IReadOnlyList<JobId> removed;
        do
        {
            removed = await retention.RemoveOldAsync(JobsARound, cancellationToken);
            foreach (var id in removed)
            {
                var names = new List<string>();
                await foreach (var blob in blobs.ListAsync(BlobNames.OfJob(id), cancellationToken))
                    names.Add(blob.Name);
                await blobs.DeleteAsync(names, cancellationToken);
            }
            if (removed.Count > 0)
                Log.JobsRemoved(logger, removed.Count);
        }
        while (removed.Count == JobsARound);
    }

    internal async Task SweepOrphansAsync(CancellationToken cancellationToken)
    {
        var old = new Dictionary<string, List<string>>(StringComparer.Ordinal);
        await foreach (var blob in blobs.ListAsync(EveryJob, cancellationToken))
        {
            if (blob.WrittenAt > time.GetUtcNow() - OrphanAge || blob.Name.Split('/') is not [_, var job, ..])
                continue;
            if (!old.TryGetValue(job, out var names))
                old.Add(job, names = []);
            names.Add(blob.Name);
        }
        foreach (var (name, blobNames) in old)
        {
            var job = JobId.TryParse(name, out var id) ? await jobs.GetAsync(id, cancellationToken) : null;
            var orphans = blobNames.Where(blob => !IsNeeded(job, blob)).ToList();
            if (orphans.Count == 0)
                continue;
            await blobs.DeleteAsync(orphans, cancellationToken);
            Log.OrphansRemoved(logger, name, orphans.Count);
        }
    }

    // While a job has not ended any of its blobs may still come to count; afterwards its inputs and the pictures of the attempt that won.
    private static bool IsNeeded(Job? job, string blob) =>
        job is not null
        && (!job.IsFinal
            || job.Images.Any(image => image.BlobName == blob)
            || blob == BlobNames.StartImage(job.Id)
            || blob == BlobNames.Mask(job.Id));
}
