using ImageService.Core;
using Microsoft.Extensions.Options;

namespace ImageService.Worker;

/// <summary>Tells API replicas, four times in <see cref="WorkerPace.Lifetime"/>, what this worker can draw and how fast.</summary>
internal sealed class ModelAnnouncer(
    IJobQueue queue, WorkerModels models, PaceMeter pace, IOptions<WorkerOptions> options, TimeProvider time, ILogger<ModelAnnouncer> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = WorkerPace.Lifetime / 4;
    private static readonly TimeSpan AfterOutage = TimeSpan.FromSeconds(2);

    private volatile bool _announced;

    /// <summary>Whether the store took the last announcement.</summary>
    public bool Announced => _announced;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (models.Descriptions.Count == 0)
            Log.NoModels(logger);
        while (!stoppingToken.IsCancellationRequested)
        {
            var pause = await AnnounceAsync(pace.Read(), stoppingToken) ? Interval : AfterOutage;
            await Task.Delay(pause, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        // Nobody is to reckon with a worker that takes no more jobs.
        using var impatient = new CancellationTokenSource(AfterOutage, time);
        await AnnounceAsync(new WorkerPace(options.Value.Id, []), impatient.Token);
    }

    private async Task<bool> AnnounceAsync(WorkerPace measured, CancellationToken cancellationToken)
    {
        try
        {
            await queue.AnnounceAsync(models.Descriptions, measured, cancellationToken);
            _announced = true;
        }
        catch (Exception e) when (e is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            _announced = false;
            Log.AnnounceFailed(logger, e);
        }
        catch (OperationCanceledException)
        {
            _announced = false;
        }
        return _announced;
    }
}
