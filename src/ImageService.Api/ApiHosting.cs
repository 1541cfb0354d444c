using ImageService.Hosting;

namespace ImageService.Api;

/// <summary>What every executable that serves the API sets up alike.</summary>
public static class ApiHosting
{
    /// <summary>Kestrel's limits, and loopback addresses for HTTP and gRPC unless the configuration names some.</summary>
    public static WebApplicationBuilder UseApiDefaults(this WebApplicationBuilder builder)
    {
        builder.UseDefaultAddresses(DefaultAddresses.Api, DefaultAddresses.Grpc);
        builder.WebHost.ConfigureKestrel((_, kestrel) =>
        {
            kestrel.AddServerHeader = false;
            // The body is bounded where it is read, with a better answer; this is the wall behind it.
            kestrel.Limits.MaxRequestBodySize = 64 * 1024 * 1024;
            kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(15);
            // A watcher that is gone without a word is noticed although nothing is read from it.
            kestrel.Limits.Http2.KeepAlivePingDelay = TimeSpan.FromSeconds(30);
            kestrel.Limits.Http2.KeepAlivePingTimeout = TimeSpan.FromSeconds(10);
            // Start images come in one message: the default window of 768 KiB stops them every few packets.
            kestrel.Limits.Http2.InitialStreamWindowSize = 2 * 1024 * 1024;
            kestrel.Limits.Http2.InitialConnectionWindowSize = 4 * 1024 * 1024;
        });
        return builder;
    }
}
