using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;

namespace ImageService.Worker.Health;

/// <summary>Live means: the thread that draws runs and ends its turns. Nothing but a new process helps where it does not.</summary>
internal sealed class EngineHealthCheck(EngineThread engine, IOptions<EngineOptions> options) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) => Task.FromResult(Check());

    private HealthCheckResult Check()
    {
        if (!engine.IsAlive)
            return HealthCheckResult.Unhealthy("The engine has ended.");
        var turn = engine.InTurn;
        return turn.TotalSeconds > options.Value.StuckSeconds
            ? HealthCheckResult.Unhealthy($"The engine is in the same step for {turn.TotalSeconds:0} s.")
            : HealthCheckResult.Healthy("The engine runs.");
    }
}
