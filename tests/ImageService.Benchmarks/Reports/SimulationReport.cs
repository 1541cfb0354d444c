using ImageService.Benchmarks.Simulation;
using ImageService.Diffusion.Denoise;

namespace ImageService.Benchmarks.Reports;

/// <param name="Capacity">Pictures a second of step-level batching on mixed traffic when a queue never runs dry: load 1.</param>
/// <param name="Loads">Mixed and uniform traffic below capacity.</param>
/// <param name="Overload">Mixed and uniform traffic above it.</param>
/// <param name="Varieties">Traffic of fewer and more combinations at load 0.8.</param>
/// <param name="Distribution">Of mixed traffic, where the policy keeps up.</param>
internal sealed record SimulationReport(DeviceCosts Device, int MaxRows, int JobsPerRun, int Seed, double Capacity, IReadOnlyList<SimulationRow> Loads,
    IReadOnlyList<SimulationRow> Overload, IReadOnlyList<SimulationRow> Varieties, IReadOnlyList<DistributionRow> Distribution,
    FairnessRow Fairness);

/// <param name="Combinations">Of steps, guidance and scheduler in the traffic.</param>
/// <param name="Load">Arrivals as a share of step-level batching's capacity for this traffic.</param>
/// <param name="ImagesPerSecond">Pictures finished; what came, where <paramref name="KeepsUp"/>.</param>
/// <param name="KeepsUp">False: pictures are finished more slowly than they are asked for, and latency grows for as long as that lasts.</param>
/// <param name="Occupancy">Rows needed of rows that calls might have had.</param>
internal sealed record SimulationRow(string Traffic, int Combinations, Batching Policy, double Load, double ArrivalsPerSecond, double ImagesPerSecond,
    bool KeepsUp, double Occupancy, Latencies Latency);

/// <param name="Percentiles">The 1st, 2nd ... 100th of latency, in seconds.</param>
internal sealed record DistributionRow(Batching Policy, double Load, IReadOnlyList<double> Percentiles);

/// <param name="QueuedByOne">Jobs that one client has handed in when another comes with a single one.</param>
/// <param name="FinishedBefore">Of those, how many are finished before the single one has done its first step.</param>
/// <param name="ByArrival">The same if everybody were one client, first come, first served.</param>
internal sealed record FairnessRow(int QueuedByOne, int FinishedBefore, int ByArrival);
