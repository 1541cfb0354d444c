namespace ImageService.Benchmarks.Simulation;

/// <summary>What came out of a simulated run. The first tenth of the jobs, which met an emptier house, is left out of all latencies.</summary>
/// <param name="jobs">All of them, in the order in which they came.</param>
/// <param name="calls">U-Net calls.</param>
/// <param name="maxRows">Rows that a call may have.</param>
internal sealed class SimulatedRun(IReadOnlyList<SimulatedJob> jobs, long calls, int maxRows)
{
    public IReadOnlyList<SimulatedJob> Jobs { get; } = jobs;

    public Latencies Latencies { get; } = Latencies.Of(Counted(jobs));

    /// <summary>The 1st, 2nd ... 100th percentile of latency, in seconds.</summary>
    public IReadOnlyList<double> Percentiles()
    {
        var sorted = Counted(Jobs).Order().ToArray();
        return [.. Enumerable.Range(1, 100).Select(percent => Latencies.Percentile(sorted, percent))];
    }

    /// <summary>Pictures a second while the middle four fifths of them were finished.</summary>
    public double ImagesPerSecond { get; } = Rate([.. jobs.Select(j => j.FinishedAt!.Value).Order()]);

    /// <summary>Rows that pictures needed of rows that calls might have had, 0..1. Padding, and steps of pictures that were finished, are not needed.</summary>
    public double Occupancy { get; } = (double)jobs.Sum(j => (long)j.Arrival.Rows * j.Arrival.Steps) / (calls * maxRows);

    /// <summary>Share of the jobs that were waiting or being drawn when the last one came.</summary>
    public double Backlog { get; } = (double)jobs.Count(j => j.FinishedAt > jobs[^1].Arrival.At) / jobs.Count;

    /// <summary>False: jobs came faster than they were drawn. Latency then tells how long the run was, nothing else.</summary>
    public bool KeepsUp => Backlog <= 0.02;

    private static IEnumerable<double> Counted(IReadOnlyList<SimulatedJob> jobs) => jobs.Skip(jobs.Count / 10).Select(j => j.Latency);

    private static double Rate(double[] finished)
    {
        var (first, last) = (finished.Length / 10, finished.Length - 1 - (finished.Length / 10));
        return (last - first) / (finished[last] - finished[first]);
    }
}
