using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json;
using ImageService.Benchmarks.Service;
using ImageService.EndToEnd.Tests;
using ImageService.Onnx;
using Spectre.Console;

namespace ImageService.Benchmarks.Gpu;

/// <summary>The service as its users start it, on the GPU: one caller alone, then many in a closed loop.</summary>
/// <param name="service">Its executable; null = the one built in this checkout.</param>
/// <param name="steps">U-Net evaluations of a picture.</param>
/// <param name="scheduler">Of the pictures; one that takes one evaluation a step.</param>
internal sealed class LoadedService(OnnxOptions options, string? service, int side, int steps, string scheduler)
{
    private const int Pictures = 12; // of the caller who is alone, the first two not counted
    private const double SettleSeconds = 5;

    public async Task<ServiceUnderLoad> RunAsync(int clients, double seconds, CancellationToken cancellationToken)
    {
        using var data = new TemporaryFolder();
        var began = Stopwatch.GetTimestamp();
        await using var process = await ServiceOnDevice.ReadyAsync(options, service, data.Path, cancellationToken);
        var started = Stopwatch.GetElapsedTime(began).TotalSeconds;
        AnsiConsole.MarkupLineInterpolated($"service ready after {started:f1} s");
        try
        {
            return await MeasureAsync(process, started, clients, seconds, cancellationToken);
        }
        catch (Exception)
        {
            AnsiConsole.WriteLine(process.Output);
            throw;
        }
    }

    private async Task<ServiceUnderLoad> MeasureAsync(ServiceProcess process, double started, int clients, double seconds, CancellationToken cancellationToken)
    {
        var pictures = new Traffic("uniform", [steps], [7.5f], [scheduler]).Poisson(double.PositiveInfinity, 1000, seed: 1);
        var callers = new Callers(process.Client, side);
        var alone = new List<ServedJob>();
        foreach (var picture in pictures.Take(Pictures))
            alone.AddRange(await callers.ComeAsync([picture], cancellationToken));
        var counted = alone.Skip(2).ToList();
        var drawn = Median(counted.Select(j => 1000 * (j.Timings.Encode + j.Timings.Denoise + j.Timings.Decode)));
        var latency = Median(counted.Select(j => 1000 * j.FinishedAt));
        AnsiConsole.MarkupLineInterpolated($"one client, {steps} steps: {drawn:f1} ms a picture drawn, {latency:f1} ms as the client sees it; {counted[0].Timings}");

        var exact = await ExactAsync(process.Client, cancellationToken);
        using var monitor = new GpuMonitor(options.Execution.CudaDevice);
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var load = callers.KeepComingAsync(pictures, clients, enough.Token);
        await Task.Delay(TimeSpan.FromSeconds(SettleSeconds), cancellationToken);
        var repeats = await ExactAsync(process.Client, cancellationToken) == exact;
        AnsiConsole.MarkupLineInterpolated($"an exact picture alone and among others: equal bytes {repeats}");
        monitor.Begin();
        var before = await Counters.ReadAsync(process.Client, cancellationToken);
        var since = Stopwatch.GetTimestamp();
        await Task.WhenAny(load, Task.Delay(TimeSpan.FromSeconds(seconds), cancellationToken));
        var counters = await Counters.ReadAsync(process.Client, cancellationToken) - before;
        var took = Stopwatch.GetElapsedTime(since).TotalSeconds;
        var idle = monitor.Idle;
        await enough.CancelAsync();
        await load;
        // Pictures come in waves; rows flow evenly. Two rows a step make a picture.
        var images = counters.Rows / (2 * steps) / took;
        AnsiConsole.MarkupLineInterpolated($"{clients} clients: {images:f2} pictures a second, {counters.Rows / counters.Calls:f1} rows a call, GPU idle {idle:p1}");
        return new ServiceUnderLoad("" + options.Models.Default, side, steps, clients, started, drawn, latency, images, took, counters.Rows / counters.Calls, idle, repeats, OfStart(process.Output));
    }

    // SHA-256 of the file.
    private async Task<string?> ExactAsync(HttpClient client, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/jobs")
        {
            Content = JsonContent.Create(new { prompt = "a red apple", width = side, height = side, num_inference_steps = steps, seed = 7, determinism = "exact" }),
        };
        request.Headers.Add("Prefer", "wait=300");
        using var response = await client.SendAsync(request, cancellationToken);
        response.EnsureSuccessStatusCode();
        var job = await response.Content.ReadFromJsonAsync<JsonElement>(cancellationToken);
        return job.GetProperty("images")[0].GetProperty("sha256").GetString();
    }

    // Each job has lines of its own there.
    private static string OfStart(string log) => string.Join('\n', log.Split('\n').Where(l => !l.Contains(" job_", StringComparison.Ordinal)));

    private static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToList();
        return sorted[sorted.Count / 2];
    }
}
