using ImageService.Core;
using StackExchange.Redis;

namespace ImageService.Storage.Redis;

/// <summary>
/// The Lua scripts of this folder, each one atomic on the server. They are called by their hash; the client loads them again when the server
/// has lost them, after a restart for example.
/// </summary>
internal sealed class RedisScripts(IConnectionMultiplexer connection, string prefix)
{
    private static readonly string Library = string.Join('\n', Load("library"), Load("line"), Load("leases"));

    // What another try may cure: full memory, a restart, a replica that was the primary, a failed snapshot, a cluster without its slots.
    private static readonly string[] Refusals =
        ["OOM", "LOADING", "READONLY", "MISCONF", "CLUSTERDOWN", "TRYAGAIN", "MASTERDOWN", "NOREPLICAS", "BUSY"];

    private readonly RedisKey[] keys = [prefix];

    public static string Load(string name)
    {
        using var stream = typeof(RedisScripts).Assembly.GetManifestResourceStream($"redis.{name}")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    public static string WithLibrary(string name) => Library + "\n" + Load(name);

    /// <exception cref="StoreUnavailableException">The server cannot be reached, is loading, or refuses writes.</exception>
    public async Task<RedisResult> RunAsync(string script, CancellationToken cancellationToken, params RedisValue[] arguments)
    {
        try
        {
            return await connection.GetDatabase().ScriptEvaluateAsync(script, keys, arguments).WaitAsync(cancellationToken);
        }
        catch (Exception e) when (e is RedisConnectionException or RedisTimeoutException || e is RedisServerException refused && IsRefusal(refused))
        {
            throw new StoreUnavailableException($"Redis cannot be used now: {e.Message}", e);
        }
    }

    private static bool IsRefusal(RedisServerException e) => Refusals.Any(code => e.Message.Contains(code, StringComparison.Ordinal));
}
