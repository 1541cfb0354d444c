namespace ImageService.Diffusion.Schedulers;

/// <summary>
/// The timesteps of consistency-distilled models: steps chosen evenly from those that distillation trained (Luo et al. 2023, section 4.3), for LCM and TCD.
/// </summary>
internal static class ConsistencyTimesteps
{
    private const int DefaultDistilledSteps = 50;

    public static float[] Create(SchedulerSetup setup)
    {
        var (trainSteps, steps) = (setup.Schedule.Count, setup.Steps);
        var distilled = setup.Config.OriginalInferenceSteps ?? DefaultDistilledSteps;
        if (distilled < 1 || distilled > trainSteps)
            throw new ArgumentException($"original_inference_steps must be between 1 and {trainSteps}, not {distilled}.");
        if (steps > distilled)
        {
            throw new ArgumentException(
                $"num_inference_steps must be between 1 and {distilled} (original_inference_steps) for the schedulers lcm and tcd, not {steps}.");
        }
        var timesteps = new float[steps];
        for (var i = 0; i < steps; i++)
        {
            // numpy.linspace(0, distilled, steps, endpoint=False), rounded down.
            var index = (int)Math.Floor(i * (distilled / (double)steps));
            timesteps[i] = (distilled - index) * (trainSteps / distilled) - 1;
        }
        return timesteps;
    }
}
