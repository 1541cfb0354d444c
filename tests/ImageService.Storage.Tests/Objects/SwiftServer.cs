using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using Amazon.Runtime;
using ImageService.Storage.S3;
using ImageService.Storage.Tests.Objects;
using ImageService.Storage.Tests.Redis;

[assembly: AssemblyFixture(typeof(SwiftServer))]

namespace ImageService.Storage.Tests.Objects;

/// <summary>
/// OpenStack Swift with its S3 interface: a server that verifies signatures. It does not know conditional writes, and refuses signed chunks.
/// Without it tests are skipped, and fail where <c>CI</c> is set.
/// </summary>
public sealed class SwiftServer : IDisposable
{
    public const string Bucket = "pictures";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly TemporaryFolder folder = new();
    private readonly List<ServerProcess> servers = [];
    private readonly Lazy<Task<string?>> url;

    public SwiftServer() => url = new Lazy<Task<string?>>(StartAsync); // only when a test asks

    internal static AWSCredentials Credentials { get; } = new BasicAWSCredentials("test:tester", "testing");

    internal async Task<S3BlobsOptions> OptionsAsync()
    {
        if (await url.Value is { } found)
            return new S3BlobsOptions { Bucket = Bucket, ServiceUrl = found, ForcePathStyle = true };
        RedisServer.GiveUp("There is no S3 server: run tests/ImageService.Storage.Tests/servers/install.");
        return null!;
    }

    public void Dispose()
    {
        foreach (var server in servers)
            server.Dispose();
        folder.Dispose();
    }

    private async Task<string?> StartAsync()
    {
        if (!ServerProcess.IsOnPath("swift-proxy-server") || !ServerProcess.IsOnPath("memcached"))
            return null;
        var ports = ServerProcess.FreePorts(5);
        var arguments = ports.Select(p => p.ToString(CultureInfo.InvariantCulture)).Prepend(folder.Path).Prepend(Script());
        using (var configure = Process.Start(new ProcessStartInfo("bash", arguments)))
        {
            await configure!.WaitForExitAsync();
            Assert.Equal(0, configure.ExitCode);
        }
        servers.Add(new ServerProcess("memcached", "-l", "127.0.0.1", "-p", ports[4].ToString(CultureInfo.InvariantCulture), "-u", Environment.UserName));
        foreach (var part in new[] { "object", "container", "account", "proxy" })
            servers.Add(new ServerProcess($"swift-{part}-server", Path.Combine(folder.Path, $"{part}.conf")));
        var address = $"http://127.0.0.1:{ports[0]}";
        await CreateBucketAsync(address);
        return address;
    }

    private async Task CreateBucketAsync(string address)
    {
        using var client = S3Client.Create(new S3BlobsOptions { ForcePathStyle = true }, address, Credentials);
        var begun = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                await client.PutBucketAsync(Bucket);
                return;
            }
            catch (Exception e) when (e is AmazonServiceException or AmazonClientException or HttpRequestException && begun.Elapsed < Patience)
            {
                Assert.DoesNotContain(servers, s => s.HasExited);
                await Task.Delay(100);
            }
        }
    }

    private static string Script([CallerFilePath] string here = "") =>
        Path.Combine(Path.GetDirectoryName(here)!, "..", "servers", "swift");
}
