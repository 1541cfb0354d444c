using System.Collections.Concurrent;
using System.Net.Sockets;
using ImageService.Storage;
using StackExchange.Redis;

namespace ImageService.Chaos.Tests;

/// <summary>Listens to what callers ask of a Redis (MONITOR) and counts the product's scripts by name and other commands by theirs.</summary>
internal sealed class ScriptCalls : IAsyncDisposable
{
    // What every script begins with.
    private static readonly string[] Library = ["redis.library", "redis.line", "redis.leases"];

    private readonly ConcurrentDictionary<string, int> _counts = [];
    private readonly Dictionary<string, string> _names;
    private readonly TcpClient _connection;
    private readonly StreamReader _reader;
    private readonly TaskCompletionSource _listening = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task _counting;

    private ScriptCalls(Dictionary<string, string> names, TcpClient connection)
    {
        (_names, _connection) = (names, connection);
        _reader = new StreamReader(connection.GetStream());
        _counting = CountAsync();
    }

    public static async Task<ScriptCalls> ListenAsync(ConnectionMultiplexer redis)
    {
        var server = redis.GetServers()[0];
        var names = new Dictionary<string, string>();
        foreach (var name in typeof(StorageServiceCollectionExtensions).Assembly.GetManifestResourceNames().Where(n => n.StartsWith("redis.", StringComparison.Ordinal)))
        {
            if (!Library.Contains(name))
                names[Convert.ToHexStringLower(await server.ScriptLoadAsync(string.Join('\n', Library.Append(name).Select(Text))))] = name["redis.".Length..];
        }
        var connection = new TcpClient();
        var (host, port) = (server.EndPoint.ToString()!.Split(':')[0], int.Parse(server.EndPoint.ToString()!.Split(':')[1]));
        await connection.ConnectAsync(host, port);
        await connection.GetStream().WriteAsync("MONITOR\r\n"u8.ToArray());
        var calls = new ScriptCalls(names, connection);
        await calls._listening.Task;
        return calls;
    }

    /// <summary>What was asked since the last look.</summary>
    public IReadOnlyDictionary<string, int> Take()
    {
        var taken = _counts.ToDictionary();
        _counts.Clear();
        return taken;
    }

    public async ValueTask DisposeAsync()
    {
        _connection.Dispose();
        await _counting;
        _reader.Dispose();
    }

    private static string Text(string resource)
    {
        using var stream = typeof(StorageServiceCollectionExtensions).Assembly.GetManifestResourceStream(resource)!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    private async Task CountAsync()
    {
        try
        {
            while (await _reader.ReadLineAsync() is { } line)
            {
                _listening.TrySetResult(); // "+OK"
                // 1700000000.123456 [0 127.0.0.1:50000] "evalsha" "HASH" ...; what a script does within the server has "lua" for the address.
                var words = line.Split('"');
                if (words.Length < 2 || words[0].Contains("lua", StringComparison.Ordinal))
                    continue;
                var command = words[1].ToLowerInvariant();
                var name = command == "evalsha" && words.Length > 3 && _names.TryGetValue(words[3], out var script) ? script : command;
                _counts.AddOrUpdate(name, 1, (_, count) => count + 1);
            }
        }
        catch (IOException)
        {
            // disposed
        }
    }
}
