using ImageService.Core;

namespace ImageService.Api.Health;

/// <summary>Asks for the queue's depth every few seconds, so that whoever reads the metrics never waits for the store.</summary>
internal sealed class QueueDepthSampler(TimedJobStore store, TimeProvider time) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        try
        {
            do
                ApiTelemetry.Queue = await SampleAsync(stoppingToken);
            while (await timer.WaitForNextTickAsync(stoppingToken));
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
        }
    }

    private async Task<QueueSample?> SampleAsync(CancellationToken cancellationToken)
    {
        try
        {
            return new QueueSample(await store.DepthAsync(cancellationToken), await store.ShapesAsync(cancellationToken));
        }
        catch (StoreUnavailableException)
        {
            return null; // counted where it happened
        }
    }
}
