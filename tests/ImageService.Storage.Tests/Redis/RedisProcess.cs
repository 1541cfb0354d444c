using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using StackExchange.Redis;

namespace ImageService.Storage.Tests.Redis;

/// <summary>A redis-server of our own on a free loopback port, with its files in a folder of its own.</summary>
internal sealed class RedisProcess : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private readonly TemporaryFolder folder = new();
    private readonly int port = FreePort();
    private readonly string fsync;
    private readonly string[] more;
    private Process process;

    /// <param name="fsync">When what was written is forced to the disk: <c>everysec</c>, <c>always</c>.</param>
    /// <param name="more">More of its options, as on its command line.</param>
    public RedisProcess(string fsync = "everysec", params string[] more)
    {
        (this.fsync, this.more) = (fsync, more);
        process = Launch();
    }

    public string Connection => $"127.0.0.1:{port}";

    public static bool IsInstalled =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(p => File.Exists(Path.Combine(p, "redis-server")));

    /// <summary>SIGKILL: no goodbye, no last write.</summary>
    public void Kill()
    {
        process.Kill();
        process.WaitForExit();
        process.Dispose();
    }

    public void Restart() => process = Launch();

    public async Task WaitUntilReadyAsync()
    {
        var begun = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                await using var connection = await ConnectionMultiplexer.ConnectAsync($"{Connection},connectTimeout=500");
                await connection.GetDatabase().PingAsync();
                return;
            }
            catch (RedisException) when (begun.Elapsed < Patience && !process.HasExited)
            {
                await Task.Delay(20);
            }
        }
    }

    public void Dispose()
    {
        if (!process.HasExited)
            Kill();
        folder.Dispose();
    }

    /// <summary>Sends a signal: "STOP", "CONT".</summary>
    public void Send(string signal)
    {
        using var kill = Process.Start("kill", [$"-{signal}", process.Id.ToString()]);
        kill.WaitForExit();
    }

    private Process Launch() => Process.Start(new ProcessStartInfo("redis-server",
    [
        "--bind", "127.0.0.1", "--port", port.ToString(), "--dir", folder.Path, "--appendonly", "yes", "--appendfsync", fsync,
        "--save", "", "--logfile", Path.Combine(folder.Path, "redis.log"), "--daemonize", "no", .. more,
    ])
    {
        RedirectStandardOutput = true, // whoever reads our output must not wait for the server's end
        RedirectStandardError = true,
    })!;

    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
