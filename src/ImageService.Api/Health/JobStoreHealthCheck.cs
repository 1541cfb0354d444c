using ImageService.Core;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace ImageService.Api.Health;

/// <summary>Ready means: a job that comes now can be taken.</summary>
internal sealed class JobStoreHealthCheck(
    TimedJobStore store, Microsoft.Extensions.Options.IOptions<ApiOptions> options, IHostApplicationLifetime lifetime) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        if (lifetime.ApplicationStopping.IsCancellationRequested)
            return HealthCheckResult.Unhealthy("The service is stopping.");
        try
        {
            var depth = await store.DepthAsync(cancellationToken);
            if (options.Value.ReadyNeedsModel && (await store.ListModelsAsync(cancellationToken)).Count == 0)
                return HealthCheckResult.Unhealthy("No model has been announced yet.");
            return HealthCheckResult.Healthy($"{depth.Queued} jobs wait, {depth.Running} run.");
        }
        catch (StoreUnavailableException e)
        {
            return HealthCheckResult.Unhealthy("The job store cannot be reached.", e);
        }
    }
}
