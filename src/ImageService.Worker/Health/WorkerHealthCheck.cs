using ImageService.Core;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace ImageService.Worker.Health;

/// <summary>Ready means: the models are there and announced, and the job store answers.</summary>
internal sealed class WorkerHealthCheck(
    IJobStore store, WorkerModels models, ModelPool pool, ModelAnnouncer announcer, IHostApplicationLifetime lifetime, TimeProvider time) : IHealthCheck
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1.5);

    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        if (lifetime.ApplicationStopping.IsCancellationRequested)
            return HealthCheckResult.Unhealthy("The worker is stopping.");
        if (models.Descriptions.Count == 0)
            return HealthCheckResult.Unhealthy("There are no models.");
        if (pool.Preloading is > 0 and var count)
            return HealthCheckResult.Unhealthy($"{count} models are being loaded or measured.");
        if (!announcer.Announced)
            return HealthCheckResult.Unhealthy("The models have not been announced yet.");
        try
        {
            await store.DepthAsync(cancellationToken).WaitAsync(Patience, time, cancellationToken);
            return HealthCheckResult.Healthy("The worker takes jobs.");
        }
        catch (Exception e) when (e is StoreUnavailableException or TimeoutException)
        {
            return HealthCheckResult.Unhealthy("The job store cannot be reached.", e);
        }
    }
}
