using System.Diagnostics;
using ImageService.Benchmarks;
using ImageService.Benchmarks.Simulation;

var sim = new Simulator(DeviceCosts.H100, 16);
var clock = Stopwatch.StartNew();
var all = sim.Run("step", Traffic.Mixed.Poisson(double.PositiveInfinity, 4000, 1));
Spectre.Console.AnsiConsole.WriteLine($"{clock.Elapsed.TotalSeconds:f2} s, {all.ImagesPerSecond:f3} img/s, {all.Occupancy:f3}");
foreach (var load in new[] { 0.3, 0.8, 0.95, 1.5 })
{
    clock.Restart();
    var run = sim.Run("step", Traffic.Mixed.Poisson(load * all.ImagesPerSecond, 20000, 1));
    Spectre.Console.AnsiConsole.WriteLine($"{load} {clock.Elapsed.TotalSeconds:f2} s, {run.ImagesPerSecond:f3} img/s, {run.Occupancy:f3} {run.Latencies.Mean:f3} {run.Latencies.P99:f3}");
}
