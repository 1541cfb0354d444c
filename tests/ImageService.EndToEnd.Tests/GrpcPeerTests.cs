using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace ImageService.EndToEnd.Tests;

/// <summary>The gRPC interface as a client of another make meets it (grpc-js in Node), and the contract as a linter reads it.</summary>
public sealed class GrpcPeerTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    private static string Modules { get; } = Path.Combine(
        Environment.GetEnvironmentVariable("IMAGESERVICE_TOOLS") is { Length: > 0 } tools ? tools : Path.Combine(
            Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } cache ? cache : Path.Combine(Environment.GetEnvironmentVariable("HOME") ?? "", ".cache"),
            "imageservice-tools"),
        "peer", "node_modules");

    [Fact]
    public async Task A_client_of_another_make_can_do_all_that_the_contract_says()
    {
        Require(Path.Combine(Modules, "@grpc", "grpc-js"));
        using var folder = new TemporaryFolder();
        var (rest, grpc) = (FreePort(), FreePort());
        await using var service = await ServiceProcess.StartAsync(folder.Path, TinyService.CopyModels(folder.Path), "Models:Default=tiny-sd15",
            $"Kestrel:Endpoints:Http:Url=http://127.0.0.1:{rest}", $"Kestrel:Endpoints:Grpc:Url=http://127.0.0.1:{grpc}", "Kestrel:Endpoints:Grpc:Protocols=Http2");
        var (exitCode, output) = await RunAsync("node", Path.Combine(Repository.Root, "tests", "ImageService.EndToEnd.Tests", "peer", "peer.mjs"),
            Modules, $"127.0.0.1:{grpc}", Path.Combine(Repository.Root, "protos"));
        Assert.True(exitCode == 0, output);
        Assert.Equal(7, output.Split('\n').Count(line => line.StartsWith("ok ", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task The_contract_passes_buf_lint()
    {
        var buf = Path.Combine(Modules, "@bufbuild", "buf-linux-x64", "bin", "buf");
        Require(buf);
        var (exitCode, output) = await RunAsync(buf, "lint", Path.Combine(Repository.Root, "protos"));
        Assert.True(exitCode == 0, output);
    }

    private static void Require(string path)
    {
        if (Path.Exists(path))
            return;
        const string Reason = "The gRPC peer is not installed: run tests/ImageService.EndToEnd.Tests/peer/install.";
        if (Environment.GetEnvironmentVariable("CI") is not null)
            Assert.Fail(Reason);
        Assert.Skip(Reason);
    }

    private static async Task<(int ExitCode, string Output)> RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync().WaitAsync(Limit);
        return (process.ExitCode, await output + await errors);
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
