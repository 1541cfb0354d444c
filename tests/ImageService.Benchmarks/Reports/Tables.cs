using Spectre.Console;

namespace ImageService.Benchmarks.Reports;

/// <summary>A report on the console.</summary>
internal static class Tables
{
    public static void Print(SimulationReport? simulation, ServiceReport? service, IEnumerable<Goal> goals)
    {
        if (simulation is not null)
            Print(simulation);
        if (service is not null)
            Print(service);
        var table = new Table().AddColumns("goal", "measured", "limit", "");
        foreach (var goal in goals)
        {
            table.AddRow(Markup.Escape(goal.Claim), $"{goal.Value:f3}", $"{(goal.Bound == Bound.AtMost ? "at most" : "at least")} {goal.Limit}",
                goal.Holds ? "[green]holds[/]" : "[red]missed[/]");
        }
        AnsiConsole.Write(table);
    }

    private static void Print(SimulationReport report)
    {
        AnsiConsole.MarkupLineInterpolated($"Simulated {report.Device.Name}, {report.MaxRows} rows, {report.JobsPerRun} jobs a run: capacity {report.Capacity:f2} pictures a second");
        var table = new Table().AddColumns("traffic", "policy", "load", "mean s", "p50 s", "p99 s", "pictures/s", "occupancy");
        foreach (var row in report.Loads.Concat(report.Overload).Concat(report.Varieties.Where(v => !report.Loads.Contains(v))))
        {
            table.AddRow(row.Traffic, $"{row.Policy}", $"{row.Load:f2}", $"{row.Latency.Mean:f2}{(row.KeepsUp ? "" : " (grows)")}", $"{row.Latency.P50:f2}", $"{row.Latency.P99:f2}",
                $"{row.ImagesPerSecond:f2}", $"{row.Occupancy:f2}");
        }
        AnsiConsole.Write(table);
        AnsiConsole.MarkupLineInterpolated($"{report.Fairness.QueuedByOne} jobs of one client wait: {report.Fairness.FinishedBefore} end before another client's first begins ({report.Fairness.ByArrival} by arrival)");
    }

    private static void Print(ServiceReport report)
    {
        foreach (var saturation in report.Saturation)
            AnsiConsole.MarkupLineInterpolated($"{report.Model}, {report.MaxRows} rows, {saturation.Side}x{saturation.Side}: service {saturation.ServiceRowsPerSecond:f1}, bare loop {saturation.BareRowsPerSecond:f1} rows a second, ratio {saturation.Ratio:f3}, {saturation.ImagesPerSecond:f2} pictures a second");
        var admission = report.Admission;
        AnsiConsole.MarkupLineInterpolated($"Acceptance to first step at load {admission.Load}, {admission.Jobs} jobs: mean {1000 * admission.Seconds.Mean:f1} ms, p99 {1000 * admission.Seconds.P99:f1} ms; a step {1000 * admission.StepSeconds:f1} ms; less a step of the job's own: p50 {1000 * admission.BeyondStep.P50:f1} ms, p99 {1000 * admission.BeyondStep.P99:f1} ms");
        var table = new Table().AddColumns("policy", "load", "jobs", "mean s", "p50 s", "p99 s", "pictures/s");
        foreach (var row in report.Policies)
            table.AddRow($"{row.Policy}", $"{row.Load:f2}", $"{row.Jobs}", $"{row.Latency.Mean:f2}", $"{row.Latency.P50:f2}", $"{row.Latency.P99:f2}", $"{row.ImagesPerSecond:f2}");
        AnsiConsole.Write(table);
    }
}
