namespace ImageService.Diffusion.Schedulers;

/// <summary>What all schedulers share: the table of timesteps, and where image-to-image enters it.</summary>
/// <param name="timesteps">One for each U-Net evaluation.</param>
/// <param name="steps">Steps asked for.</param>
/// <param name="evaluationsPerStep">diffusers' <c>order</c>: 2 for Heun and DPM2.</param>
internal abstract class DiscreteScheduler(float[] timesteps, int steps, int evaluationsPerStep = 1) : IScheduler
{
    public int StepCount => timesteps.Length;

    public abstract float InitialNoiseSigma { get; }

    public float Timestep(int step) => timesteps[step];

    // diffusers' StableDiffusionImg2ImgPipeline.get_timesteps. The strength is read as the decimal number that was written: 0.7f * 10 would be 6.
    public virtual int StartStep(float strength)
    {
        var taken = float.IsFinite(strength) && strength is > 0 and <= 1 ? Math.Min((int)(steps * (double)(decimal)strength), steps) : 0;
        if (taken < 1)
        {
            throw new ArgumentException(
                $"strength must be at most 1 and leave at least one of the {steps} steps: at least {Math.Ceiling(10000.0 / steps) / 10000}, not {strength}.");
        }
        return (steps - taken) * evaluationsPerStep;
    }

    public abstract void ScaleModelInput(int step, ReadOnlySpan<float> latents, Span<float> into);

    public abstract void Step(int step, ReadOnlySpan<float> modelOutput, Span<float> latents);

    public abstract void AddNoise(int step, ReadOnlySpan<float> original, ReadOnlySpan<float> noise, Span<float> into);

    public abstract void PredictOriginal(int step, ReadOnlySpan<float> modelOutput, ReadOnlySpan<float> latents, Span<float> into);

    // Schedulers without a history have nothing to save.
    public virtual void SaveState(BinaryWriter writer)
    {
    }

    public virtual void RestoreState(BinaryReader reader)
    {
    }
}
