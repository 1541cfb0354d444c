using System.Diagnostics;

namespace ImageService.Api.Jobs;

/// <summary>Who asks, and how the request is told from its repetitions.</summary>
/// <param name="Client">Fair queues and limits go by this.</param>
/// <param name="IdempotencyKey">The caller's own key, or null.</param>
/// <param name="TraceParent">W3C trace context to go on from.</param>
internal sealed record Caller(string Client, string? IdempotencyKey, string? TraceParent)
{
    public static Caller Of(HttpContext context) => Of(context, IdempotencyKeyHeader.Read(context.Request.Headers));

    public static Caller Of(HttpContext context, string? idempotencyKey) => new(ClientOf(context), idempotencyKey, Activity.Current?.Id);

    private static string ClientOf(HttpContext context)
    {
        var address = context.Connection.RemoteIpAddress;
        return address is null ? "local" : (address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address).ToString();
    }
}
