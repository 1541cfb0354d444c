using System.Text.Json;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace ImageService.Hosting;

/// <summary><c>/healthz/live</c>: the process is not stuck. <c>/healthz/ready</c>: it can do its work.</summary>
public static class HealthProbes
{
    /// <summary>Tag of checks whose failure a restart would mend.</summary>
    public const string Live = "live";

    /// <summary>Tag of checks whose failure says: send no work here for now.</summary>
    public const string Ready = "ready";

    public static void MapHealthProbes(this IEndpointRouteBuilder routes)
    {
        Map(Live);
        Map(Ready);

        void Map(string tag) => routes
            .MapHealthChecks("/healthz/" + tag, new HealthCheckOptions { Predicate = check => check.Tags.Contains(tag), ResponseWriter = WriteAsync })
            .DisableHttpMetrics();
    }

    private static Task WriteAsync(HttpContext context, HealthReport report)
    {
        var checks = report.Entries.ToDictionary(e => e.Key, e => e.Value.Description ?? "");
        var body = new HealthBody(report.Status == HealthStatus.Healthy ? "ok" : "unavailable", checks);
        return context.Response.WriteAsJsonAsync(body, JsonSerializerOptions.Web, context.RequestAborted);
    }

    /// <param name="Status"><c>ok</c> or <c>unavailable</c>.</param>
    /// <param name="Checks">A sentence for each check.</param>
    private sealed record HealthBody(string Status, IReadOnlyDictionary<string, string> Checks);
}
