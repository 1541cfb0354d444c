using ImageService.Benchmarks;
using ImageService.Benchmarks.Simulation;
using ImageService.Diffusion.Denoise;

namespace ImageService.Diffusion.Tests.Simulation;

/// <summary>
/// How long those who come and go keep running pictures from their next step, on the benchmarks' virtual device. Four pictures draw on; others fill the batch
/// to 16 rows, end with the same step, and as many come in their place, again and again.
/// </summary>
public sealed class HoldUpTests
{
    private const int Stayers = 4; // 8 rows
    private const int MaxRows = 16;
    private const double Rounding = 1e-6; // of the clock
    private static readonly double ShortStep = DeviceCosts.H100.Call(2 * Stayers); // milliseconds

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    public void However_many_come_and_go_nobody_is_held_up_for_longer_than_a_step(int count)
    {
        Assert.InRange(LongestHoldUp(DeviceCosts.H100, count), 0.1, 1 + Rounding);
        Assert.InRange(LongestHoldUp(DeviceCosts.H100 with { DecodePicture = 0.95 * ShortStep }, count), 0.1, 1 + Rounding);
        Assert.InRange(LongestHoldUp(DeviceCosts.H100 with { EncodePrompt = 0.45 * ShortStep }, count), 0.1, 1 + Rounding);
        Assert.InRange(LongestHoldUp(DeviceCosts.H100 with { DecodePicture = 0.95 * ShortStep, EncodePrompt = 0.45 * ShortStep }, count), 0.1, 1 + Rounding);
    }

    /// <summary>The device is shared: a step takes twice its time, so that nothing may stand before it.</summary>
    [Theory]
    [InlineData(1, 5)]
    [InlineData(4, 5)]
    [InlineData(4, 30)]
    public void What_takes_several_steps_runs_beside_them(int count, int steps)
    {
        Assert.InRange(LongestHoldUp(DeviceCosts.H100 with { DecodePicture = steps * ShortStep }, count), 0.1, 1 + Rounding);
        Assert.InRange(LongestHoldUp(DeviceCosts.H100 with { EncodePrompt = steps * ShortStep }, count), 0.1, 1 + Rounding);
    }

    [Fact]
    public void Without_a_side_lane_it_holds_up_everybody() =>
        Assert.InRange(LongestHoldUp(DeviceCosts.H100 with { DecodePicture = 5 * ShortStep }, 1, aside: false), 2.5, 6);

    /// <returns>Between two steps' ends, beyond the second step's own time; in steps, the longer one of the two.</returns>
    private static double LongestHoldUp(DeviceCosts costs, int count, bool aside = true)
    {
        var time = new VirtualTime();
        var lane = new SimulatedLane(time);
        using var device = new SimulatedDevice(costs, lane);
        var engine = Simulator.Engine(device, MaxRows, Batching.Step, time, aside ? lane : null);
        var (seed, longest, endedAt, length) = (0, 0.0, 0.0, 0.0);
        // What encoding and decoding take is seen before.
        var first = Add(steps: 2);
        Turn(() => first.FinishedAt is null);
        var stayers = Enumerable.Range(0, Stayers).Select(_ => Add(steps: 1000)).ToList();
        Turn(() => stayers.Exists(s => s.FirstStepAt is null));

        device.Called = Stepped;
        for (var wave = 0; wave < 5; wave++)
        {
            var leavers = Enumerable.Range(0, count).Select(_ => Add(steps: 10)).ToList();
            Turn(() => leavers.Exists(l => l.FinishedAt is null) && stayers[0].FinishedAt is null);
        }
        return longest;

        SimulatedJob Add(int steps)
        {
            var job = new SimulatedJob(new TimedRequest(time.Seconds, steps, 7.5f, "ddim", ++seed, $"client {seed}"), time);
            engine.Add(job.ToDenoiseJob());
            return job;
        }

        void Turn(Func<bool> more)
        {
            while (more())
            {
                lane.Deliver();
                if (!engine.Turn().Worked)
                    lane.WorkAlone(double.PositiveInfinity);
            }
        }

        void Stepped()
        {
            if (endedAt > 0 && stayers[0].FinishedAt is null)
                longest = Math.Max(longest, (time.Seconds - endedAt - device.LastCall) / Math.Max(length, device.LastCall));
            (endedAt, length) = (time.Seconds, device.LastCall);
        }
    }
}
