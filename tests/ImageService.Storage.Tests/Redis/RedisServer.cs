using System.Diagnostics;
using ImageService.Storage.Tests.Redis;
using Testcontainers.Redis;

[assembly: AssemblyFixture(typeof(RedisServer))]

namespace ImageService.Storage.Tests.Redis;

/// <summary>
/// One real Redis for all tests: <c>REDIS_URL</c>, else a container where Docker answers, else an installed redis-server. Without any, tests are
/// skipped, and fail where <c>CI</c> is set.
/// </summary>
public sealed class RedisServer : IAsyncDisposable
{
    private const string Image = "redis:7.2-alpine";
    private readonly Lazy<Task<string?>> connection;
    private RedisContainer? container;
    private RedisProcess? process;

    public RedisServer() => connection = new Lazy<Task<string?>>(StartAsync); // only when a test asks: a killed process leaves no server behind

    public async Task<string> ConnectionAsync()
    {
        if (await connection.Value is { } found)
            return found;
        GiveUp("There is no Redis: set REDIS_URL, run Docker, or install redis-server.");
        return "";
    }

    public static void GiveUp(string reason)
    {
        if (Environment.GetEnvironmentVariable("CI") is not null)
            Assert.Fail(reason);
        Assert.Skip(reason);
    }

    public async ValueTask DisposeAsync()
    {
        process?.Dispose();
        if (container is not null)
            await container.DisposeAsync();
    }

    private async Task<string?> StartAsync()
    {
        if (Environment.GetEnvironmentVariable("REDIS_URL") is { Length: > 0 } url)
            return FromUrl(url);
        if (await DockerAnswersAsync())
        {
            container = new RedisBuilder(Image).Build();
            await container.StartAsync();
            return container.GetConnectionString();
        }
        if (!RedisProcess.IsInstalled)
            return null;
        process = new RedisProcess();
        await process.WaitUntilReadyAsync();
        return process.Connection;
    }

    private static string FromUrl(string url)
    {
        if (!Uri.TryCreate(url, UriKind.Absolute, out var uri) || uri.Scheme is not ("redis" or "rediss"))
            return url;
        var password = uri.UserInfo.Split(':')[^1];
        return $"{uri.Host}:{(uri.Port > 0 ? uri.Port : 6379)},ssl={uri.Scheme == "rediss"}" +
            (password.Length > 0 ? $",password={Uri.UnescapeDataString(password)}" : "");
    }

    private static async Task<bool> DockerAnswersAsync()
    {
        try
        {
            using var docker = Process.Start(new ProcessStartInfo("docker")
            {
                ArgumentList = { "version", "--format", "{{.Server.Version}}" },
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
            await docker.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(10));
            return docker.ExitCode == 0;
        }
        catch (Exception e) when (e is System.ComponentModel.Win32Exception or TimeoutException)
        {
            return false;
        }
    }
}
