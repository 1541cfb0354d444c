using System.Diagnostics;
using ImageService.EndToEnd.Tests;

namespace ImageService.Chaos.Tests;

/// <summary>One place in the cluster: the process that runs there now, and what those before it have printed.</summary>
internal sealed class Replica(string program, IReadOnlyList<string> settings) : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly List<string> _earlier = [];
    private ServiceProcess? _process;

    public ServiceProcess Process => _process ?? throw new InvalidOperationException("Not started.");

    /// <summary>Where gRPC is served; the API's alone.</summary>
    public string GrpcAddress => settings.Single(s => s.StartsWith("Kestrel:Endpoints:Grpc:Url=", StringComparison.Ordinal)).Split('=')[1];

    /// <summary>Everything that was printed here, by whichever process.</summary>
    public IEnumerable<string> Output => [.. _earlier, _process?.Output ?? ""];

    public async Task StartAsync() => _process = await ServiceProcess.StartAsync(Repository.Program(program), settings);

    public async Task KillAsync()
    {
        await Process.KillAsync();
        await ForgetAsync();
    }

    /// <summary>SIGTERM, and the end as the product arranges it.</summary>
    public async Task StopAsync()
    {
        Assert.Equal(0, await Process.SignalAsync("TERM", Patience));
        await ForgetAsync();
    }

    public async Task WaitUntilReadyAsync()
    {
        var begun = Stopwatch.StartNew();
        while (!await IsAsync("ready"))
        {
            Assert.True(begun.Elapsed < Patience, $"{program} does not become ready:\n{Process.Output}");
            await Task.Delay(50);
        }
    }

    /// <param name="probe"><c>ready</c> or <c>live</c>.</param>
    public async Task<bool> IsAsync(string probe)
    {
        using var answer = await Process.Client.GetAsync($"/healthz/{probe}");
        return answer.IsSuccessStatusCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
            await _process.DisposeAsync();
    }

    private async Task ForgetAsync()
    {
        _earlier.Add(Process.Output);
        await Process.DisposeAsync();
        _process = null;
    }
}
