using System.Numerics.Tensors;

namespace ImageService.Diffusion.Schedulers;

/// <summary>Schedulers whose latents are original + sigma * noise (Karras et al. 2022, section 2).</summary>
internal abstract class SigmaScheduler(SchedulerSetup setup, float[] timesteps, float initialNoiseSigma, int evaluationsPerStep = 1)
    : DiscreteScheduler(timesteps, setup.Steps, evaluationsPerStep)
{
    private readonly PredictionType _prediction = setup.PredictionType;

    public override float InitialNoiseSigma => initialNoiseSigma;

    /// <summary>The original as the last call of <see cref="Predict"/> saw it.</summary>
    protected float[] Original { get; } = new float[setup.Length];

    /// <summary>Level of the latents that the U-Net sees at a step.</summary>
    protected abstract float Sigma(int step);

    /// <summary>Level to which a clean image is noised to enter at a step.</summary>
    protected virtual float NoiseLevel(int step) => Sigma(step);

    // Karras et al. 2022, table 1: c_in for variance-preserving models.
    public override void ScaleModelInput(int step, ReadOnlySpan<float> latents, Span<float> into)
    {
        var sigma = Sigma(step);
        TensorPrimitives.Divide(latents, MathF.Sqrt(sigma * sigma + 1), into);
    }

    public override void AddNoise(int step, ReadOnlySpan<float> original, ReadOnlySpan<float> noise, Span<float> into) =>
        LatentArithmetic.Sum(1, original, NoiseLevel(step), noise, into);

    public override void PredictOriginal(int step, ReadOnlySpan<float> modelOutput, ReadOnlySpan<float> latents, Span<float> into) =>
        Prediction.OriginalInSigmaForm(_prediction, Sigma(step), modelOutput, latents, into);

    protected ReadOnlySpan<float> Predict(int step, ReadOnlySpan<float> modelOutput, ReadOnlySpan<float> latents)
    {
        PredictOriginal(step, modelOutput, latents, Original);
        return Original;
    }
}
