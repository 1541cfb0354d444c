using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace ImageService.Hosting;

/// <summary>Where a host listens that nobody told where to: on the loopback address alone.</summary>
public static class DefaultAddresses
{
    /// <summary>REST, web page, gRPC-Web, probes and metrics: HTTP/1.1.</summary>
    public const string Api = "http://127.0.0.1:5080";

    /// <summary>gRPC: HTTP/2 without TLS, which one port cannot speak beside HTTP/1.1.</summary>
    public const string Grpc = "http://127.0.0.1:5081";

    /// <summary>Probes and metrics of a worker.</summary>
    public const string Worker = "http://127.0.0.1:5082";

    public static WebApplicationBuilder UseDefaultAddresses(this WebApplicationBuilder builder, string http, string? grpc = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        var configuration = builder.Configuration;
        if (IsConfigured(configuration))
            return builder;
        Endpoint("Http", http, HttpProtocols.Http1);
        if (grpc is not null)
            Endpoint("Grpc", grpc, HttpProtocols.Http2);
        return builder;

        void Endpoint(string name, string url, HttpProtocols protocols)
        {
            configuration[$"Kestrel:Endpoints:{name}:Url"] = url;
            configuration[$"Kestrel:Endpoints:{name}:Protocols"] = protocols.ToString();
        }
    }

    private static bool IsConfigured(ConfigurationManager configuration) =>
        new[] { WebHostDefaults.ServerUrlsKey, WebHostDefaults.HttpPortsKey, WebHostDefaults.HttpsPortsKey }.Any(key => !string.IsNullOrEmpty(configuration[key]))
        || configuration.GetSection("Kestrel:Endpoints").Exists();
}
