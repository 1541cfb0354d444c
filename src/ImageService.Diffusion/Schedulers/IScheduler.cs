namespace ImageService.Diffusion.Schedulers;

/// <summary>
/// A noise scheduler: turns the U-Net's outputs into ever cleaner latents. One instance draws one picture and keeps that picture's history.
/// Steps are addressed by index, since timesteps may collide by value. A step is one U-Net evaluation: Heun and DPM2 take two for each step
/// the user asked for. Nothing here allocates after construction.
/// </summary>
public interface IScheduler
{
    /// <summary>U-Net evaluations in all; diffusers' <c>len(timesteps)</c>.</summary>
    int StepCount { get; }

    /// <summary>Standard deviation of the latents that the first step expects (diffusers' <c>init_noise_sigma</c>).</summary>
    float InitialNoiseSigma { get; }

    /// <summary>The U-Net's timestep input at a step, 0..StepCount-1.</summary>
    float Timestep(int step);

    /// <summary>Where image-to-image begins for a strength of (0, 1], as diffusers' <c>get_timesteps</c>; 0 for strength 1.</summary>
    /// <exception cref="ArgumentException">The strength is out of range or leaves no step; the message is one sentence naming the field.</exception>
    int StartStep(float strength);

    /// <summary>What the U-Net is shown at a step; a plain copy for schedulers in variance-preserving form.</summary>
    void ScaleModelInput(int step, ReadOnlySpan<float> latents, Span<float> into);

    /// <summary>Advances the latents in place from step to step + 1. Steps are taken in order, beginning at 0 or at <see cref="StartStep"/>.</summary>
    void Step(int step, ReadOnlySpan<float> modelOutput, Span<float> latents);

    /// <summary>A clean image noised as far as it must be to enter at a step (image-to-image, inpainting).</summary>
    void AddNoise(int step, ReadOnlySpan<float> original, ReadOnlySpan<float> noise, Span<float> into);

    /// <summary>The clean image the model sees in its output (x0), for previews. Changes no state.</summary>
    void PredictOriginal(int step, ReadOnlySpan<float> modelOutput, ReadOnlySpan<float> latents, Span<float> into);

    /// <summary>Writes the history, so that another instance made the same way can go on from here. The noise generator is saved by its owner.</summary>
    void SaveState(BinaryWriter writer);

    void RestoreState(BinaryReader reader);
}
