using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace ImageService.Api.Health;

/// <summary><c>/healthz/live</c>: the process runs. <c>/healthz/ready</c>: it can take jobs.</summary>
internal static class HealthApi
{
    public const string ReadyTag = "ready";

    public static void MapHealth(this IEndpointRouteBuilder routes)
    {
        routes.MapHealthChecks("/healthz/live", new HealthCheckOptions { Predicate = _ => false, ResponseWriter = Write });
        routes.MapHealthChecks("/healthz/ready", new HealthCheckOptions { Predicate = c => c.Tags.Contains(ReadyTag), ResponseWriter = Write });
    }

    private static Task Write(HttpContext context, HealthReport report)
    {
        var body = new HealthResponse(
            report.Status == HealthStatus.Healthy ? "ok" : "unavailable",
            report.Entries.ToDictionary(e => e.Key, e => e.Value.Description ?? ""));
        return context.Response.WriteAsJsonAsync(body, ApiJson.Options, context.RequestAborted);
    }

    private sealed record HealthResponse(string Status, IReadOnlyDictionary<string, string> Checks);
}
