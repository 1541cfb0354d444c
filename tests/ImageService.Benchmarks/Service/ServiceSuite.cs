using System.Diagnostics;
using ImageService.Benchmarks.Reports;
using ImageService.Diffusion.Denoise;
using ImageService.EndToEnd.Tests;
using ImageService.Onnx;

namespace ImageService.Benchmarks.Service;

/// <summary>Measurements on the product as its users start it, with the bundled model on the processor.</summary>
/// <param name="seconds">Of each measurement.</param>
/// <param name="note">Hears of each.</param>
internal sealed class ServiceSuite(OnnxModels models, int seconds, int seed, Action<string> note)
{
    private const string Model = "starter";
    private const int MaxRows = 8; // the product's default on a processor
    private const int FullSide = 256; // the model's default
    private const int SmallSide = 64; // many pictures in little time, for latencies
    private const double SliceSeconds = 3;
    private const double LightLoad = 0.25;
    private const double HeavyLoad = 0.8;
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(10);

    public async Task<ServiceReport> RunAsync(CancellationToken cancellationToken)
    {
        if (OperatingSystem.IsWindows())
            throw new PlatformNotSupportedException("The service is held by signals while the bare loop runs: this part needs Linux or macOS.");
        List<SaturationRow> saturation = [await SaturateAsync(FullSide, cancellationToken), await SaturateAsync(SmallSide, cancellationToken)];
        var capacity = saturation[1].ImagesPerSecond;
        note($"admission, load {LightLoad}");
        var admission = await AdmitAsync(capacity, cancellationToken);
        var policies = await CompareAsync(capacity, cancellationToken);
        return new ServiceReport(Model, MaxRows, saturation, admission, policies);
    }

    // One machine for both: while one of them is measured the other does not run, and they take turns so often that whatever else the machine does meets both alike.
    private async Task<SaturationRow> SaturateAsync(int side, CancellationToken cancellationToken)
    {
        note($"throughput at saturation, against a bare loop, {side}x{side}");
        var pictures = Traffic.Starter.Poisson(double.PositiveInfinity, 1000, seed);
        using var bare = new BareLoop(models, Model, side, MaxRows, pictures);
        using var data = new TemporaryFolder();
        await using var service = await StartAsync(data, Batching.Step);
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var callers = new Callers(service.Client, side).KeepComingAsync(pictures, 3 * MaxRows, enough.Token);
        await Task.Delay(WarmUp, cancellationToken);
        await service.SendAsync("STOP");
        bare.Run(WarmUp.TotalSeconds / 10);

        var slices = Math.Max(2, (int)(seconds / (2 * SliceSeconds)));
        var (served, servedSeconds, bareRows, bareSeconds) = (default(Counters), 0.0, 0L, 0.0);
        for (var slice = 0; slice < slices; slice++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            await service.SendAsync("CONT");
            var before = await Counters.ReadAsync(service.Client, cancellationToken);
            var began = Stopwatch.GetTimestamp();
            await Task.Delay(TimeSpan.FromSeconds(SliceSeconds), cancellationToken);
            served += await Counters.ReadAsync(service.Client, cancellationToken) - before;
            servedSeconds += Stopwatch.GetElapsedTime(began).TotalSeconds;
            await service.SendAsync("STOP");
            var (rows, took) = bare.Run(SliceSeconds);
            (bareRows, bareSeconds) = (bareRows + rows, bareSeconds + took);
        }
        await enough.CancelAsync();
        await callers;
        return new SaturationRow(side, served.Rows / servedSeconds, bareRows / bareSeconds, served.Rows / served.Calls, served.Pictures / servedSeconds, slices, SliceSeconds);
    }

    private async Task<AdmissionRow> AdmitAsync(double capacity, CancellationToken cancellationToken)
    {
        using var data = new TemporaryFolder();
        await using var service = await StartAsync(data, Batching.Step);
        var jobs = await ServeAsync(service, LightLoad * capacity, seed, seconds, cancellationToken);
        // Whoever came while the others left enough rows: everybody counts as there from request to answer, longer than in the engine.
        var free = jobs.Where(j => jobs.Where(o => o.Arrival.At <= j.Arrival.At && o.FinishedAt > j.Arrival.At).Sum(o => o.Arrival.Rows) <= MaxRows).ToList();
        return new AdmissionRow(SmallSide, LightLoad, free.Count, Latencies.Of(free.Select(j => j.Timings.Admission)), free.Sum(j => j.Timings.Denoise) / free.Sum(j => j.Steps),
            Latencies.Of(free.Select(j => j.Timings.Admission - (j.Timings.Denoise / j.Steps))));
    }

    // In two rounds, the second in reverse order, so that a machine that grows slower or faster meets all alike.
    private async Task<IReadOnlyList<ServiceRow>> CompareAsync(double capacity, CancellationToken cancellationToken)
    {
        var jobs = Policies.All.ToDictionary(p => p, _ => new List<(double Rate, IReadOnlyList<ServedJob> Jobs)>());
        for (var round = 0; round < 2; round++)
        {
            foreach (var policy in round == 0 ? Policies.All : Policies.All.Reverse())
            {
                note($"{policy}, load {HeavyLoad}, round {round + 1} of 2");
                using var data = new TemporaryFolder();
                await using var service = await StartAsync(data, policy);
                var served = await ServeAsync(service, HeavyLoad * capacity, seed + round, seconds / 2.0, cancellationToken);
                jobs[policy].Add((served.Count / served.Max(j => j.FinishedAt), served));
            }
        }
        return [.. jobs.Select(p => new ServiceRow(p.Key, SmallSide, HeavyLoad, HeavyLoad * capacity, p.Value.Sum(r => r.Jobs.Count), p.Value.Average(r => r.Rate),
            Latencies.Of(p.Value.SelectMany(r => r.Jobs).Select(j => j.Latency))))];
    }

    private static async Task<IReadOnlyList<ServedJob>> ServeAsync(ServiceProcess service, double rate, int seed, double seconds, CancellationToken cancellationToken)
    {
        var callers = new Callers(service.Client, SmallSide);
        // The first pictures load the model and compile the code, twice where it is run often.
        await callers.ComeAsync(Traffic.Starter.Poisson(double.PositiveInfinity, 6 * MaxRows, seed), cancellationToken);
        return await callers.ComeAsync(Traffic.Starter.Poisson(rate, Math.Max(10, (int)(rate * seconds)), seed), cancellationToken);
    }

    private static Task<ServiceProcess> StartAsync(TemporaryFolder data, Batching policy)
    {
        List<string> settings = [$"Models:Default={Model}", $"Engine:MaxRows={MaxRows}", $"Engine:Batching={policy}", "Execution:Provider=cpu"];
        // Static batches are chosen from those who wait: the engine must see more of them than it has rows for.
        if (policy != Batching.Step)
            settings.Add("Worker:LookAheadRows=256");
        return ServiceProcess.StartAsync(data.Path, null, [.. settings]);
    }
}
