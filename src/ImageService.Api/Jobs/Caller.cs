using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;

namespace ImageService.Api.Jobs;

/// <summary>Who asks, and how the request is told from its repetitions.</summary>
/// <param name="Client">The digest of the API key (<c>X-Api-Key</c>, or <c>Authorization: Bearer</c>), else the address. Fair queues and limits go by this.</param>
/// <param name="IdempotencyKey">The caller's own key, or null.</param>
/// <param name="TraceParent">W3C trace context to go on from.</param>
internal sealed record Caller(string Client, string? IdempotencyKey, string? TraceParent)
{
    public static Caller Of(HttpContext context) => Of(context, IdempotencyKeyHeader.Read(context.Request.Headers));

    public static Caller Of(HttpContext context, string? idempotencyKey) => new(ClientOf(context), idempotencyKey, Activity.Current?.Id);

    // A key's digest and never the key: the client's name is written to stores and logs. Nobody checks the key here, a gateway may.
    private static string ClientOf(HttpContext context)
    {
        if (KeyOf(context.Request.Headers) is { } key)
            return "key-" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)).AsSpan(0, 16));
        var address = context.Connection.RemoteIpAddress;
        return address is null ? "local" : (address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address).ToString();
    }

    private static string? KeyOf(IHeaderDictionary headers)
    {
        const string bearer = "Bearer ";
        string? key = headers["X-Api-Key"];
        if (string.IsNullOrWhiteSpace(key) && headers.Authorization.ToString() is var authorization && authorization.StartsWith(bearer, StringComparison.OrdinalIgnoreCase))
            key = authorization[bearer.Length..];
        return string.IsNullOrWhiteSpace(key) ? null : key.Trim();
    }
}
