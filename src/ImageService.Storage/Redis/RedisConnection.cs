using StackExchange.Redis;

namespace ImageService.Storage.Redis;

/// <summary>How this product connects: it starts without the server, answers quickly while it is away, and comes back by itself.</summary>
internal static class RedisConnection
{
    private const int TimeoutMilliseconds = 1500;
    private const int ReconnectMilliseconds = 250;

    public static ConfigurationOptions Parse(RedisOptions options)
    {
        var configuration = ConfigurationOptions.Parse(options.Connection);
        configuration.AbortOnConnectFail = false;
        configuration.ConnectTimeout = TimeoutMilliseconds;
        configuration.AsyncTimeout = TimeoutMilliseconds;
        configuration.SyncTimeout = TimeoutMilliseconds;
        configuration.ReconnectRetryPolicy = new LinearRetry(ReconnectMilliseconds);
        configuration.ClientName ??= "ImageService";
        return configuration;
    }
}
