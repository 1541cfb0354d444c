using System.Diagnostics;
using System.Globalization;
using Azure;
using Azure.Storage.Blobs;
using ImageService.Storage.Tests.Objects;
using ImageService.Storage.Tests.Redis;

[assembly: AssemblyFixture(typeof(AzuriteServer))]

namespace ImageService.Storage.Tests.Objects;

/// <summary>Azurite, Microsoft's emulator of Azure Blob Storage. Without it tests are skipped, and fail where <c>CI</c> is set.</summary>
public sealed class AzuriteServer : IDisposable
{
    public const string Container = "pictures";
    private const string Account = "devstoreaccount1";

    /// <summary>The emulator's well-known key, published in its documentation.</summary>
    private const string Key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly TemporaryFolder folder = new();
    private readonly Lazy<Task<int>> port;
    private ServerProcess? server;

    public AzuriteServer() => port = new Lazy<Task<int>>(StartAsync); // only when a test asks

    private static string Program => Path.Combine(ServerProcess.Tools, "node_modules", ".bin", "azurite-blob");

    internal async Task<AzureBlobsOptions> OptionsAsync(string key = Key)
    {
        if (await port.Value is > 0 and var found)
            return new AzureBlobsOptions { Container = Container, ConnectionString = ConnectionString(found, key) };
        RedisServer.GiveUp("There is no Azurite: run tests/ImageService.Storage.Tests/servers/install.");
        return null!;
    }

    public void Dispose()
    {
        server?.Dispose();
        folder.Dispose();
    }

    private static string ConnectionString(int port, string key) =>
        $"DefaultEndpointsProtocol=http;AccountName={Account};AccountKey={key};BlobEndpoint=http://127.0.0.1:{port}/{Account};";

    private async Task<int> StartAsync()
    {
        if (!File.Exists(Program))
            return 0;
        var at = ServerProcess.FreePorts(1)[0];
        server = new ServerProcess(Program, "--blobHost", "127.0.0.1", "--blobPort", at.ToString(CultureInfo.InvariantCulture), "--location", folder.Path,
            "--silent", "--disableTelemetry", "--skipApiVersionCheck");
        var begun = Stopwatch.StartNew();
        var client = new BlobClientOptions();
        client.Retry.MaxRetries = 0;
        while (true)
        {
            try
            {
                await new BlobContainerClient(ConnectionString(at, Key), Container, client).CreateIfNotExistsAsync();
                return at;
            }
            catch (RequestFailedException) when (begun.Elapsed < Patience)
            {
                Assert.False(server.HasExited);
                await Task.Delay(100);
            }
        }
    }
}
