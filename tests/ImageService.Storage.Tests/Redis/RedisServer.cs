using System.Diagnostics;
using ImageService.Storage.Tests.Redis;
using Testcontainers.Redis;

[assembly: AssemblyFixture(typeof(RedisServer))]

namespace ImageService.Storage.Tests.Redis;

/// <summary>
/// One real Redis for all tests: <c>REDIS_URL</c>, else a container where Docker answers, else an installed redis-server. Without any, tests are
/// skipped, and fail where <c>CI</c> is set.
/// </summary>
public sealed class RedisServer : IAsyncLifetime
{
    private const string Image = "redis:7.2-alpine";
    private string? connection;
    private RedisContainer? container;
    private RedisProcess? process;

    public string Connection
    {
        get
        {
            if (connection is null)
                GiveUp("There is no Redis: set REDIS_URL, run Docker, or install redis-server.");
            return connection!;
        }
    }

    public static void GiveUp(string reason)
    {
        if (Environment.GetEnvironmentVariable("CI") is not null)
            Assert.Fail(reason);
        Assert.Skip(reason);
    }

    public async ValueTask InitializeAsync()
    {
        if (Environment.GetEnvironmentVariable("REDIS_URL") is { Length: > 0 } url)
        {
            connection = FromUrl(url);
        }
        else if (await DockerAnswersAsync())
        {
            container = new RedisBuilder(Image).Build();
            await container.StartAsync();
            connection = container.GetConnectionString();
        }
        else if (RedisProcess.IsInstalled)
        {
            process = new RedisProcess();
            await process.WaitUntilReadyAsync();
            connection = process.Connection;
        }
    }

    public async ValueTask DisposeAsync()
    {
        process?.Dispose();
        if (container is not null)
            await container.DisposeAsync();
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
