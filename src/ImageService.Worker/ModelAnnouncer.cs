using ImageService.Core;

namespace ImageService.Worker;

/// <summary>Tells API replicas every minute what this worker can draw.</summary>
internal sealed class ModelAnnouncer(IJobQueue queue, WorkerModels models, TimeProvider time, ILogger<ModelAnnouncer> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);
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
            var pause = Interval;
            try
            {
                await queue.AnnounceModelsAsync(models.Descriptions, stoppingToken);
                _announced = true;
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                _announced = false;
                Log.AnnounceFailed(logger, e);
                pause = AfterOutage;
            }
            await Task.Delay(pause, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
