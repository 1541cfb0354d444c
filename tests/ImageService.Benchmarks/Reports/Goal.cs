using ImageService.Diffusion.Denoise;

namespace ImageService.Benchmarks.Reports;

/// <summary>A figure that must hold.</summary>
internal sealed record Goal(string Claim, double Value, Bound Bound, double Limit)
{
    public bool Holds => Bound == Bound.AtMost ? Value <= Limit : Value >= Limit;

    public static IEnumerable<Goal> Of(SimulationReport report)
    {
        SimulationRow Row(IEnumerable<SimulationRow> rows, Traffic traffic, Batching policy, double? load = null) =>
            rows.First(r => r.Traffic == traffic.Name && r.Policy == policy && (load is null || r.Load == load));

        var (step, equal) = (Row(report.Loads, Traffic.Mixed, Batching.Step, 0.8), Row(report.Loads, Traffic.Mixed, Batching.Equal, 0.8));
        yield return new Goal("simulated, mixed traffic, load 0.8: mean latency of step-level over equal-key batching", step.Latency.Mean / equal.Latency.Mean, Bound.AtMost, 0.75);
        yield return new Goal("simulated, mixed traffic, load 0.8: p99 latency of step-level over equal-key batching", step.Latency.P99 / equal.Latency.P99, Bound.AtMost, 0.75);
        yield return new Goal("simulated, mixed traffic, overload: pictures a second of step-level over padded batching",
            Row(report.Overload, Traffic.Mixed, Batching.Step).ImagesPerSecond / Row(report.Overload, Traffic.Mixed, Batching.Padded).ImagesPerSecond, Bound.AtLeast, 1.35);

        var uniform = report.Loads.Where(r => r.Traffic == Traffic.Uniform.Name && r.Policy == Batching.Step)
            .Select(r => (Step: r, Equal: Row(report.Loads, Traffic.Uniform, Batching.Equal, r.Load))).ToList();
        yield return new Goal("simulated, uniform traffic: mean latency of step-level over equal-key batching, at the worst load",
            uniform.Max(p => p.Step.Latency.Mean / p.Equal.Latency.Mean), Bound.AtMost, 1.02);
        yield return new Goal("simulated, uniform traffic: p99 latency of step-level over equal-key batching, at the worst load",
            uniform.Max(p => p.Step.Latency.P99 / p.Equal.Latency.P99), Bound.AtMost, 1.02);
        yield return new Goal("simulated, uniform traffic, overload: pictures a second of step-level over equal-key batching",
            Row(report.Overload, Traffic.Uniform, Batching.Step).ImagesPerSecond / Row(report.Overload, Traffic.Uniform, Batching.Equal).ImagesPerSecond, Bound.AtLeast, 0.98);
        yield return new Goal("simulated: jobs of one client finished before another client's first one has begun", report.Fairness.FinishedBefore, Bound.AtMost, 2);
    }

    public static IEnumerable<Goal> Of(ServiceReport report)
    {
        yield return new Goal("service, saturated: U-Net rows a second over those of a bare loop over the same sessions", report.Saturation[0].Ratio, Bound.AtLeast, 0.95);
        yield return new Goal("service, rows free: p99 from acceptance to the first step, less one step of the job, ms",
            1000 * report.Admission.BeyondStep.P99, Bound.AtMost, 5);
    }
}

internal enum Bound
{
    AtMost,
    AtLeast,
}
