using ImageService.Core;
using ImageService.Diffusion;
using ImageService.Diffusion.Denoise;
using ImageService.Diffusion.Noise;
using ImageService.Diffusion.Schedulers;
using ImageService.Diffusion.Text;

namespace ImageService.Benchmarks.Simulation;

/// <summary>
/// The product's denoise engine, batcher and noise schedulers under a virtual clock that only the simulated device turns. What the processor does between two
/// U-Net calls takes no time here.
/// </summary>
internal sealed class Simulator(DeviceCosts costs, int maxRows)
{
    /// <param name="arrivals">In order of time.</param>
    public SimulatedRun Run(Batching policy, IReadOnlyList<TimedRequest> arrivals)
    {
        var time = new VirtualTime();
        var lane = new SimulatedLane(time);
        using var device = new SimulatedDevice(costs, lane);
        var engine = Engine(device, maxRows, policy, time, lane);
        var jobs = new SimulatedJob[arrivals.Count];
        var arrived = 0;
        while (arrived < jobs.Length || engine.HasWork)
        {
            if (!engine.HasWork)
                time.AdvanceTo(arrivals[arrived].At);
            for (; arrived < jobs.Length && time.HasReached(arrivals[arrived].At); arrived++)
            {
                jobs[arrived] = new SimulatedJob(arrivals[arrived], time);
                engine.Add(jobs[arrived].ToDenoiseJob());
            }
            lane.Deliver();
            if (engine.Turn().Worked)
                continue;
            if (!lane.Busy)
                throw new InvalidOperationException("The engine has work and does none.");
            lane.WorkAlone(until: arrived < jobs.Length ? arrivals[arrived].At : double.PositiveInfinity);
        }
        return new SimulatedRun(jobs, device.Calls, maxRows);
    }

    /// <param name="lane">Null = encoding and decoding on the engine's thread alone.</param>
    public static DenoiseEngine Engine(SimulatedDevice device, int maxRows, Batching policy, VirtualTime time, SimulatedLane? lane) =>
        new(new RowPolicy { Budget = _ => maxRows, Sizes = RowPolicy.DeviceSizes, Batching = policy }, Preparation(device), device, time, lane);

    /// <summary>Real noise schedulers; prompts of one token, which cost what the device says.</summary>
    public static JobPreparation Preparation(SimulatedDevice device)
    {
        var schedulers = new SchedulerFactory(device.Info.Scheduler);
        return new JobPreparation(Encode, NoiseGenerator.Create, (request, info, noise) =>
            schedulers.Create(request.Scheduler, request.NumInferenceSteps, JobPreparation.LatentLength(request, info), noise));
    }

    private static PromptConditioning Encode(IDiffusionModel model, GenerationRequest request)
    {
        var guided = request.GuidanceScale > 1;
        for (var prompt = 0; prompt < (guided ? 2 : 1); prompt++)
            model.EncodeTokens(0, [], null, [], []);
        return new PromptConditioning { ContextLength = 1, Positive = [0], PooledPositive = [], Negative = guided ? [0] : null, Warnings = [] };
    }
}
