using System.Diagnostics;
using System.Text.RegularExpressions;

namespace ImageService.EndToEnd.Tests;

/// <summary>The product as its users start it: a process of its own, listening on a loopback port that the system chose.</summary>
internal sealed partial class ServiceProcess : IAsyncDisposable
{
    private static readonly Dictionary<string, int> Signals = new() { ["INT"] = 2, ["TERM"] = 15, ["CONT"] = 18, ["STOP"] = 19 }; // Linux
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);
    private readonly Process _process;
    private readonly List<string> _output = [];

    private ServiceProcess(Process process) => _process = process;

    public HttpClient Client { get; private set; } = null!;

    /// <summary>Bytes of memory that the process holds now.</summary>
    public long ResidentBytes
    {
        get
        {
            _process.Refresh();
            return _process.WorkingSet64;
        }
    }

    public string Output
    {
        get
        {
            lock (_output)
                return string.Join('\n', _output);
        }
    }

    /// <param name="data">Folder of the job store and the blobs.</param>
    /// <param name="models">Folder of model folders; null = the repository's.</param>
    /// <param name="settings">More configuration, as <c>Section:Key=value</c>.</param>
    public static Task<ServiceProcess> StartAsync(string data, string? models = null, params string[] settings)
    {
        var all = new List<string> { $"Jobs:SqlitePath={Path.Combine(data, "jobs.db")}", $"Blobs:DiskPath={Path.Combine(data, "blobs")}" };
        if (models is not null)
            all.Add($"Models:Path={models}");
        return StartAsync(Repository.Standalone, [.. all, .. settings]);
    }

    /// <summary>Starts an executable of the product and waits until it listens.</summary>
    /// <param name="program">Its file, as <see cref="Repository.Program"/> gives it.</param>
    /// <param name="settings">Its configuration, as <c>Section:Key=value</c>.</param>
    public static async Task<ServiceProcess> StartAsync(string program, IReadOnlyList<string> settings)
    {
        IEnumerable<string> anyPort = settings.Any(s => s.StartsWith("Kestrel:", StringComparison.Ordinal)) ? [] : ["--urls", "http://127.0.0.1:0"];
        var service = new ServiceProcess(Start([.. anyPort, .. settings.Select(s => "--" + s)], program));
        var address = new TaskCompletionSource<Uri>(TaskCreationOptions.RunContinuationsAsynchronously);
        service.Read(line =>
        {
            if (ListeningLine().Match(line) is { Success: true } match)
                address.TrySetResult(new Uri(match.Value));
        });
        service._process.Exited += (_, _) => address.TrySetException(new InvalidOperationException("The service ended at its start:\n" + service.Output));
        try
        {
            service.Client = new HttpClient { BaseAddress = await address.Task.WaitAsync(StartLimit), Timeout = TimeSpan.FromMinutes(3) };
        }
        catch
        {
            await service.DisposeAsync();
            throw;
        }
        return service;
    }

    /// <summary>Runs a verb of the command line to its end.</summary>
    public static async Task<(int ExitCode, string Output)> RunAsync(IReadOnlyList<string> arguments, TimeSpan limit, string? program = null)
    {
        await using var service = new ServiceProcess(Start(arguments, program));
        service.Read(static _ => { });
        await service._process.WaitForExitAsync().WaitAsync(limit);
        service._process.WaitForExit(); // the pipes' last lines
        return (service._process.ExitCode, service.Output);
    }

    /// <summary>Starts a verb of the command line and leaves it running.</summary>
    public static ServiceProcess Launch(IReadOnlyList<string> arguments, Action<string>? onLine = null)
    {
        var service = new ServiceProcess(Start(arguments));
        service.Read(onLine ?? (static _ => { }));
        return service;
    }

    /// <summary>kill -9: no chance to tidy up.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
    }

    /// <summary>Sends a signal and goes on: "STOP" holds the process, "CONT" lets it run again.</summary>
    public Task SendAsync(string signal)
    {
        // By a system call: a process of its own for it would take longer than the moment that a test has chosen.
        _ = Kill(_process.Id, Signals[signal]); // one that has ended needs none
        return Task.CompletedTask;
    }

    /// <summary>Sends a signal ("TERM", "INT") and waits for the end.</summary>
    public async Task<int> SignalAsync(string signal, TimeSpan limit)
    {
        await SendAsync(signal);
        return await EndAsync(limit);
    }

    /// <summary>Waits until it ends by itself.</summary>
    public async Task<int> EndAsync(TimeSpan limit)
    {
        await _process.WaitForExitAsync().WaitAsync(limit);
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        Client?.Dispose();
        if (!_process.HasExited)
            await KillAsync();
        _process.Dispose();
    }

    private static Process Start(IEnumerable<string> arguments, string? program = null)
    {
        program ??= Repository.Standalone;
        // A self-contained executable starts by itself.
        var byRuntime = Path.GetExtension(program) == ".dll";
        // A shell that runs the tests in the background has them ignore SIGINT, and the service would inherit that: env gives the signal back.
        var start = new ProcessStartInfo(OperatingSystem.IsLinux() ? "env" : byRuntime ? "dotnet" : program)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        if (OperatingSystem.IsLinux())
        {
            start.ArgumentList.Add("--default-signal=INT");
            start.ArgumentList.Add(byRuntime ? "dotnet" : program);
        }
        if (byRuntime)
            start.ArgumentList.Add(program);
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        var process = new Process { StartInfo = start, EnableRaisingEvents = true };
        process.Start();
        return process;
    }

    private void Read(Action<string> onLine)
    {
        DataReceivedEventHandler handler = (_, line) =>
        {
            if (line.Data is not { } text)
                return;
            lock (_output)
                _output.Add(text);
            onLine(text);
        };
        _process.OutputDataReceived += handler;
        _process.ErrorDataReceived += handler;
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    [GeneratedRegex(@"(?<=listening on: )http://127\.0\.0\.1:\d+")]
    private static partial Regex ListeningLine();

    [System.Runtime.InteropServices.DllImport("libc", EntryPoint = "kill")]
    private static extern int Kill(int process, int signal);
}
