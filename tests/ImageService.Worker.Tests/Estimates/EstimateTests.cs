using ImageService.Benchmarks;
using ImageService.Benchmarks.Simulation;

namespace ImageService.Worker.Tests.Estimates;

/// <summary>What callers are told against what came, on a simulated H100 with the default rows, callers mixing 20, 30 and 50 steps with and without guidance.</summary>
public sealed class EstimateTests
{
    // Jobs per second that the simulated device draws of Traffic.Mixed.
    private const double Capacity = 5.43;

    public static TheoryData<string> Scenes => [.. Arrivals.Keys];

    [Theory]
    [MemberData(nameof(Scenes))]
    public async Task Jobs_start_and_end_about_when_their_callers_were_told(string scene)
    {
        using var queue = new SimulatedQueue(DeviceCosts.H100);
        var jobs = await queue.RunAsync(Arrivals[scene]());
        var told = jobs.Where(j => j.Told.StartAt is not null).ToList();
        var waited = told.Where(j => Waited(j) >= 2).ToList();
        var start = waited.Select(j => (Seconds(j.AcceptedAt, j.Told.StartAt) / Waited(j)) - 1).ToList();
        var finish = told.Select(j => (Seconds(j.AcceptedAt, j.Told.FinishAt) / Seconds(j.AcceptedAt, j.FinishedAt)) - 1).ToList();
        var halfWay = jobs.Where(j => j.ToldHalfWay.FinishAt is not null)
            .Select(j => (Seconds(j.ToldHalfWay.At, j.ToldHalfWay.FinishAt) / Seconds(j.ToldHalfWay.At, j.FinishedAt)) - 1).ToList();
        TestContext.Current.TestOutputHelper!.WriteLine(
            $"{scene}: {jobs.Count} jobs, {told.Count} told, {waited.Count} waited 2 s or more, longest {waited.Max(Waited):0} s; start {Figures(start)}; finish {Figures(finish)}; half way {Figures(halfWay)}");

        Assert.All(told, j => Assert.True(j.Told.StartAt >= j.AcceptedAt && j.Told.FinishAt > j.Told.StartAt));
        Assert.All(jobs, j => Assert.True(j.ToldHalfWay.FinishAt is not { } finishAt || finishAt >= j.ToldHalfWay.At));
        Assert.True(waited.Count >= 100);
        Assert.InRange(Median(start), 0, 0.25);
        Assert.InRange(Median(finish), 0, 0.25);
        Assert.InRange(Median(halfWay), 0, 0.25);
    }

    private static readonly Dictionary<string, Func<IReadOnlyList<TimedRequest>>> Arrivals = new()
    {
        ["a burst of one client"] = () => [.. WarmUp, .. Burst(400, "a")],
        ["a burst of three clients"] = () => [.. WarmUp, .. Burst(400, "a", "b", "c")],
        ["one and a half times what the device can do"] = () => Traffic.Mixed.Poisson(1.5 * Capacity, 600, seed: 3),
        ["the same from three clients"] = () => Clients(Traffic.Mixed.Poisson(1.5 * Capacity, 600, seed: 4), "a", "b", "c"),
        ["a little less than it can do"] = () => Traffic.Mixed.Poisson(0.95 * Capacity, 3000, seed: 5),
    };

    // So that there is a pace, and an announcement of it.
    private static IEnumerable<TimedRequest> WarmUp => Traffic.Mixed.Poisson(1, 30, seed: 1);

    private static IEnumerable<TimedRequest> Burst(int jobs, params string[] clients) =>
        Clients([.. Traffic.Mixed.Poisson(double.PositiveInfinity, jobs, seed: 2).Select(a => a with { At = 60 })], clients);

    private static IReadOnlyList<TimedRequest> Clients(IReadOnlyList<TimedRequest> arrivals, params string[] clients) =>
        [.. arrivals.Select((a, i) => a with { Client = clients[i % clients.Length] })];

    private static double Waited(SimulatedQueue.Followed job) => Seconds(job.AcceptedAt, job.StartedAt);

    private static double Seconds(DateTimeOffset from, DateTimeOffset? until) => (until!.Value - from).TotalSeconds;

    private static double Median(List<double> errors) => Quantile(errors.Select(Math.Abs), 0.5);

    private static double Quantile(IEnumerable<double> values, double share)
    {
        var sorted = values.Order().ToArray();
        return sorted[(int)(share * (sorted.Length - 1))];
    }

    private static string Figures(List<double> errors) =>
        $"off by {Median(errors):P0} (median), {Quantile(errors.Select(Math.Abs), 0.9):P0} (90th percentile), bias {Quantile(errors, 0.5):P0}";
}
