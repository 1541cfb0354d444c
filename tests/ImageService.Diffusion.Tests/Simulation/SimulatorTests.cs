using ImageService.Benchmarks;
using ImageService.Benchmarks.Simulation;
using ImageService.Diffusion.Denoise;

namespace ImageService.Diffusion.Tests.Simulation;

/// <summary>The benchmarks' virtual device and clock: figures are worth what these are.</summary>
public sealed class SimulatorTests
{
    private const int MaxRows = 16;
    private static readonly Simulator Simulator = new(DeviceCosts.H100, MaxRows);

    [Theory]
    [InlineData(1, 8.98)] // beyond the table: the nearest two go on
    [InlineData(2, 10.86)]
    [InlineData(6, 19.325)]
    [InlineData(16, 44.19)]
    [InlineData(24, 64.675)]
    public void A_call_costs_what_was_measured_and_in_between_what_lies_between(int rows, double milliseconds) =>
        Assert.Equal(milliseconds, DeviceCosts.H100.Call(rows), 1e-9);

    [Fact]
    public void A_lone_picture_takes_its_prompts_its_steps_and_its_decoding()
    {
        var run = Simulator.Run(Batching.Step, [new TimedRequest(5, 20, 7.5f, "ddim", 1)]);
        var expected = (2 * DeviceCosts.H100.EncodePrompt) + (20 * DeviceCosts.H100.Call(2)) + DeviceCosts.H100.DecodePicture;
        Assert.Equal(expected / 1000, run.Jobs[0].Latency, 1e-6);
        Assert.Equal(2.0 / MaxRows, run.Occupancy, 1e-9);
    }

    [Theory]
    [InlineData(Batching.Step)]
    [InlineData(Batching.Equal)]
    [InlineData(Batching.Padded)]
    [InlineData(Batching.Serial)]
    public void Every_job_is_drawn_once_whole_and_after_it_came(Batching policy)
    {
        var arrivals = Traffic.Mixed.Poisson(4, 300, seed: 3);
        var run = Simulator.Run(policy, arrivals);
        Assert.Equal(arrivals, run.Jobs.Select(j => j.Arrival));
        Assert.All(run.Jobs, j => Assert.Equal(j.Arrival.Rows * j.Arrival.Steps, j.RowSteps));
        Assert.All(run.Jobs, j => Assert.True(j.Latency > j.Arrival.Steps * DeviceCosts.H100.Call(j.Arrival.Rows) / 1000));
        Assert.InRange(run.Occupancy, 0.01, 1);
    }

    [Fact]
    public void A_seed_gives_the_same_figures_again()
    {
        var once = Simulator.Run(Batching.Step, Traffic.Mixed.Poisson(4, 200, seed: 5));
        var again = Simulator.Run(Batching.Step, Traffic.Mixed.Poisson(4, 200, seed: 5));
        Assert.Equal(once.Jobs.Select(j => j.FinishedAt), again.Jobs.Select(j => j.FinishedAt));
        var other = Simulator.Run(Batching.Step, Traffic.Mixed.Poisson(4, 200, seed: 6));
        Assert.NotEqual(once.Latencies, other.Latencies);
    }

    [Fact]
    public void Arrivals_come_at_their_rate_and_ask_for_the_same_at_every_rate()
    {
        var slow = Traffic.Mixed.Poisson(2, 10_000, seed: 1);
        var fast = Traffic.Mixed.Poisson(4, 10_000, seed: 1);
        Assert.InRange(slow.Count / slow[^1].At, 1.9, 2.1);
        Assert.Equal(slow.Select(a => a with { At = a.At / 2 }), fast);
        // Exponential gaps: the deviation is as large as the mean.
        var gaps = slow.Zip(slow.Skip(1), (a, b) => b.At - a.At).ToList();
        var mean = gaps.Average();
        Assert.InRange(Math.Sqrt(gaps.Average(g => (g - mean) * (g - mean))) / mean, 0.95, 1.05);
    }

    [Fact]
    public void Mixed_traffic_is_served_sooner_step_by_step_than_in_batches_of_equals()
    {
        var arrivals = Traffic.Mixed.Poisson(4.2, 1000, seed: 1);
        var (step, equal) = (Simulator.Run(Batching.Step, arrivals), Simulator.Run(Batching.Equal, arrivals));
        Assert.InRange(step.Latencies.Mean / equal.Latencies.Mean, 0.05, 0.75);
        Assert.InRange(step.Latencies.P99 / equal.Latencies.P99, 0.05, 0.75);
    }

    [Fact]
    public void A_standing_queue_is_worked_off_faster_step_by_step_than_padded_to_the_longest()
    {
        var arrivals = Traffic.Mixed.Poisson(double.PositiveInfinity, 600, seed: 1);
        var (step, padded) = (Simulator.Run(Batching.Step, arrivals), Simulator.Run(Batching.Padded, arrivals));
        Assert.InRange(step.ImagesPerSecond / padded.ImagesPerSecond, 1.35, 1.6);
    }

    [Fact]
    public void A_run_that_falls_behind_says_so()
    {
        Assert.True(Simulator.Run(Batching.Step, Traffic.Uniform.Poisson(3, 1000, seed: 1)).KeepsUp);
        Assert.False(Simulator.Run(Batching.Serial, Traffic.Uniform.Poisson(6, 1000, seed: 1)).KeepsUp);
    }

    [Fact]
    public void Percentiles_are_by_nearest_rank()
    {
        Assert.Equal(new Latencies(50.5, 50, 99), Latencies.Of(Enumerable.Range(1, 100).Reverse().Select(i => (double)i)));
        Assert.Equal(new Latencies(2, 2, 2), Latencies.Of([2]));
    }
}
