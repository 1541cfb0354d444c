using ImageService.Benchmarks.Reports;
using ImageService.Diffusion.Denoise;

namespace ImageService.Benchmarks.Simulation;

/// <summary>The simulated runs of a report.</summary>
/// <param name="jobs">Of each run below capacity.</param>
/// <param name="note">Hears of each run.</param>
internal sealed class SimulationSuite(int jobs, int seed, Action<string> note, CancellationToken cancellationToken)
{
    private const int MaxRows = 16; // the product's default on a device
    private const double Overload = 1.5;
    private const double ComparedLoad = 0.8;
    private const double Hopeless = 0.1; // of all jobs still waiting when the last one comes
    private const int QueuedByOne = 1000;
    private static readonly double[] MixedLoads = [0.3, 0.5, 0.65, 0.8, 0.9, 0.95];
    private readonly List<DistributionRow> _distribution = [];
    private readonly Simulator _simulator = new(DeviceCosts.H100, MaxRows);

    public SimulationReport Run()
    {
        var mixed = Capacity(Traffic.Mixed);
        var uniform = Capacity(Traffic.Uniform);
        List<SimulationRow> loads = [.. Runs(Traffic.Mixed, mixed, MixedLoads, Policies.All), .. Runs(Traffic.Uniform, uniform, MixedLoads, Policies.StepAndEqual)];
        List<SimulationRow> overload = [.. Runs(Traffic.Mixed, mixed, [Overload], Policies.All), .. Runs(Traffic.Uniform, uniform, [Overload], Policies.StepAndEqual)];
        var varieties = new List<SimulationRow>();
        foreach (var traffic in new[] { Traffic.StepsAlone, Traffic.StepsAndGuidance })
            varieties.AddRange(Runs(traffic, Capacity(traffic), [ComparedLoad], Policies.StepAndEqual));
        varieties.AddRange(loads.Where(r => r is { Load: ComparedLoad } && Policies.StepAndEqual.Contains(r.Policy)));
        return new SimulationReport(DeviceCosts.H100, MaxRows, jobs, seed, mixed, loads, overload, [.. varieties.OrderBy(r => r.Combinations)], _distribution, Fairness());
    }

    // A queue that never runs dry: everybody comes at once.
    private double Capacity(Traffic traffic)
    {
        note($"capacity, {traffic.Name} traffic");
        return _simulator.Run(Batching.Step, traffic.Poisson(double.PositiveInfinity, QueueLength, seed)).ImagesPerSecond;
    }

    private int QueueLength => Math.Min(jobs, 4000);

    private IEnumerable<SimulationRow> Runs(Traffic traffic, double capacity, IEnumerable<double> loads, IEnumerable<Batching> policies)
    {
        foreach (var load in loads)
        {
            var arrivals = traffic.Poisson(load * capacity, jobs, seed);
            foreach (var policy in policies)
            {
                cancellationToken.ThrowIfCancellationRequested();
                note($"{policy}, {traffic.Name} traffic, load {load}");
                var run = Run(policy, arrivals);
                if (traffic == Traffic.Mixed && load == ComparedLoad && run.KeepsUp)
                    _distribution.Add(new DistributionRow(policy, load, run.Percentiles()));
                var rate = arrivals.Count / arrivals[^1].At;
                yield return new SimulationRow(traffic.Name, traffic.Combinations, policy, load, rate, run.ImagesPerSecond, run.KeepsUp, run.Occupancy, run.Latencies);
            }
        }
    }

    // A queue that only grows shows nothing more for being longer.
    private SimulatedRun Run(Batching policy, IReadOnlyList<TimedRequest> arrivals)
    {
        var beginning = _simulator.Run(policy, [.. arrivals.Take(QueueLength)]);
        return beginning.Backlog > Hopeless || arrivals.Count <= QueueLength ? beginning : _simulator.Run(policy, arrivals);
    }

    private FairnessRow Fairness()
    {
        note("fairness");
        return new FairnessRow(QueuedByOne, FinishedBefore("other"), FinishedBefore("one"));
    }

    private int FinishedBefore(string client)
    {
        var queued = Traffic.Mixed.Poisson(double.PositiveInfinity, QueuedByOne, seed).Select(a => a with { Client = "one" });
        // Some minutes later, when the first client's jobs fill every row.
        var single = new TimedRequest(60, 30, 7.5f, "dpmpp_2m", QueuedByOne, client);
        var jobs = _simulator.Run(Batching.Step, [.. queued, single]).Jobs;
        return jobs.Count(j => j.FinishedAt > single.At && j.FinishedAt < jobs[^1].FirstStepAt);
    }
}
