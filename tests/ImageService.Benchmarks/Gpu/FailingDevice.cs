using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json;
using ImageService.EndToEnd.Tests;
using ImageService.Onnx;
using Spectre.Console;

namespace ImageService.Benchmarks.Gpu;

/// <summary>What the service makes of a GPU whose memory is too small for a batch, and of one that fails under it: the real device's errors, not a test double's.</summary>
/// <param name="service">Its executable; null = the one built in this checkout.</param>
/// <param name="steps">U-Net evaluations of a picture.</param>
internal sealed class FailingDevice(OnnxOptions options, string? service, int side, int steps)
{
    private const int LongSteps = 1000; // of the picture that keeps one model drawing until the other is there, two U-Net calls each
    private const int Crowd = 16; // pictures that come at once for another, 32 rows
    private const int Rows = 2 * Crowd;
    private const int StruckJobs = 3;
    private const int StruckSteps = 500;
    private const int StruckAfterSteps = 20;
    private static readonly string[] Models = ["busy", "idle", "late"];
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    /// <summary>
    /// More pictures than fit come at once for a model that was loaded while another one drew, so that no warm-up has lowered its row budget: the U-Net calls
    /// must be split until they fit.
    /// </summary>
    /// <param name="arena">MiB that each session may take; enough for 2 rows, too little for 32.</param>
    public async Task<SmallMemory> SmallMemoryAsync(int arena, CancellationToken cancellationToken)
    {
        using var folder = new TemporaryFolder();
        // One model under three names: two are loaded at start and warmed up, the third takes the place of the one that stands idle.
        foreach (var name in Models)
            Directory.CreateSymbolicLink(Path.Combine(folder.Path, name), Path.Combine(options.Models.Path!, options.Models.Default!));
        var threefold = new OnnxOptions { Models = { Path = folder.Path, Default = "busy" }, Execution = options.Execution };
        await using var process = await ServiceOnDevice.ReadyAsync(threefold, service, folder.Path, cancellationToken,
            $"Execution:CudaArenaMiB={arena}", $"Engine:MaxRows={Rows}", "Engine:MaxLoadedModels=2");
        // While nothing is drawn, a model that comes is warmed up. One picture, because the rows of the crowd are what its rows leave.
        await ReachedAsync(process.Client, await SubmitAsync(process.Client, "busy", LongSteps, "heun", seed: 1, "fast", cancellationToken), 1, cancellationToken);
        var crowd = await Task.WhenAll(Enumerable.Range(0, Crowd).Select(i => SubmitAsync(process.Client, "late", steps, "dpmpp_2m", seed: i, "fast", cancellationToken)));
        var succeeded = 0;
        foreach (var id in crowd)
            succeeded += Status(await EndedAsync(process.Client, id, cancellationToken)) == "succeeded" ? 1 : 0;
        var log = process.Output.Split('\n').Where(l => l.Contains("Row budget of", StringComparison.Ordinal) || l.Contains("warmed up", StringComparison.Ordinal)).ToList();
        AnsiConsole.WriteLine(string.Join('\n', log));
        var lowered = log.Where(l => l.Contains("Row budget of late", StringComparison.Ordinal)).ToList();
        var underWay = lowered.Count > 0 && !log.Exists(l => l.Contains("Model late warmed up", StringComparison.Ordinal));
        AnsiConsole.MarkupLineInterpolated($"{Crowd} pictures at once in {arena} MiB: {succeeded} succeeded; row budget {lowered.Count} times lowered, under way: {underWay}");
        return new SmallMemory(arena, Rows, Crowd, succeeded, lowered, underWay);
    }

    /// <summary>A kernel that writes to a bad address ends the CUDA context under running jobs; a second process with the same store goes on with them.</summary>
    /// <param name="watcher">The library made of <c>driver_calls.cu</c>.</param>
    public async Task<LostDevice> LostAsync(string watcher, CancellationToken cancellationToken)
    {
        using var data = new TemporaryFolder();
        var strike = Path.Combine(data.Path, "strike");
        Environment.SetEnvironmentVariable("CUDA_INJECTION64_PATH", watcher);
        Environment.SetEnvironmentVariable("DRIVER_CALLS_STRIKE", strike);
        string[] jobs;
        int code;
        double seconds;
        string log;
        try
        {
            await using var struck = await ServiceOnDevice.ReadyAsync(options, service, data.Path, cancellationToken);
            jobs = await Task.WhenAll(Enumerable.Range(0, StruckJobs).Select(i => SubmitAsync(struck.Client, options.Models.Default!, StruckSteps, "dpmpp_2m", seed: i, "exact", cancellationToken)));
            await ReachedAsync(struck.Client, jobs[^1], StruckAfterSteps, cancellationToken);
            var began = Stopwatch.GetTimestamp();
            await File.WriteAllTextAsync(strike, "now", cancellationToken);
            code = await struck.EndAsync(Limit);
            seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
            log = string.Join('\n', struck.Output.Split('\n').Where(l => l.Contains("lost", StringComparison.OrdinalIgnoreCase) || l.Contains("CUDA failure", StringComparison.Ordinal)));
        }
        finally
        {
            Environment.SetEnvironmentVariable("CUDA_INJECTION64_PATH", null);
            Environment.SetEnvironmentVariable("DRIVER_CALLS_STRIKE", null);
        }
        AnsiConsole.MarkupLineInterpolated($"the device was struck: exit code {code} after {seconds:f1} s; {log}");
        await using var next = await ServiceOnDevice.ReadyAsync(options, service, data.Path, cancellationToken);
        var (succeeded, same, attempts) = (0, 0, 0);
        for (var i = 0; i < jobs.Length; i++)
        {
            var job = await EndedAsync(next.Client, jobs[i], cancellationToken);
            succeeded += Status(job) == "succeeded" ? 1 : 0;
            attempts = Math.Max(attempts, job.GetProperty("attempts").GetInt32());
            var undisturbed = await EndedAsync(next.Client, await SubmitAsync(next.Client, options.Models.Default!, StruckSteps, "dpmpp_2m", seed: i, "exact", cancellationToken), cancellationToken);
            same += Status(job) == "succeeded" && Hash(job) == Hash(undisturbed) ? 1 : 0;
        }
        AnsiConsole.MarkupLineInterpolated($"the next process: {succeeded} of {jobs.Length} succeeded, {same} with the bytes of an undisturbed run, attempts at most {attempts}");
        return new LostDevice(code, seconds, jobs.Length, succeeded, same, attempts, log);
    }

    private async Task<string> SubmitAsync(HttpClient client, string model, int count, string scheduler, int seed, string determinism, CancellationToken cancellationToken)
    {
        var body = new { model, prompt = "a red apple", width = side, height = side, num_inference_steps = count, scheduler, seed, determinism };
        using var response = await client.PostAsJsonAsync("/v1/jobs", body, cancellationToken);
        response.EnsureSuccessStatusCode();
        return (await response.Content.ReadFromJsonAsync<JsonElement>(cancellationToken)).GetProperty("id").GetString()!;
    }

    private static async Task ReachedAsync(HttpClient client, string id, int step, CancellationToken cancellationToken)
    {
        while ((await JobAsync(client, id, cancellationToken)).GetProperty("step").GetInt32() < step)
            await Task.Delay(10, cancellationToken);
    }

    private static async Task<JsonElement> EndedAsync(HttpClient client, string id, CancellationToken cancellationToken)
    {
        var began = Stopwatch.GetTimestamp();
        while (true)
        {
            var job = await JobAsync(client, id, cancellationToken);
            if (Status(job) is "succeeded" or "failed" or "canceled")
                return job;
            if (Stopwatch.GetElapsedTime(began) > Limit)
                throw new TimeoutException($"Job {id} has not ended: {job}");
            await Task.Delay(20, cancellationToken);
        }
    }

    private static async Task<JsonElement> JobAsync(HttpClient client, string id, CancellationToken cancellationToken) =>
        await client.GetFromJsonAsync<JsonElement>($"/v1/jobs/{id}", cancellationToken);

    private static string? Status(JsonElement job) => job.GetProperty("status").GetString();

    private static string? Hash(JsonElement job) => job.GetProperty("images")[0].GetProperty("sha256").GetString();
}
