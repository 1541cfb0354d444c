using System.Diagnostics;
using System.Globalization;
using Microsoft.Net.Http.Headers;

namespace ImageService.Api.Problems;

/// <summary>Writes RFC 9457 <c>application/problem+json</c>.</summary>
internal static class ProblemResponse
{
    public static Task WriteAsync(HttpContext context, ProblemException problem)
    {
        var response = context.Response;
        response.StatusCode = problem.Kind.Status;
        response.Headers.CacheControl = "no-store";
        if (problem.RetryAfter is { } wait)
            response.Headers[HeaderNames.RetryAfter] = Math.Ceiling(wait.TotalSeconds).ToString(CultureInfo.InvariantCulture);
        var body = new ProblemBody(problem.Kind.Type, problem.Kind.Title, problem.Kind.Status, problem.Message,
            Activity.Current?.TraceId.ToString() ?? context.TraceIdentifier, problem.Errors);
        // Not ended by the connection's end: writing to nobody does no harm, an exception inside the error handler is logged as one.
        return response.WriteAsJsonAsync(body, ApiJson.Options, "application/problem+json", CancellationToken.None);
    }
}
