using System.Numerics.Tensors;

namespace ImageService.Diffusion.Schedulers;

/// <summary>
/// Keeps the predicted original in range: <c>clip_sample</c>, or dynamic thresholding (Saharia et al. 2022, section 2.3), which shrinks it by a
/// quantile of its own magnitudes. Models in latent space use neither unless their configuration says so.
/// </summary>
internal sealed class OriginalLimit
{
    private readonly float _range;
    private readonly float _ratio;
    private readonly float _max;
    private readonly float[] _magnitudes;

    /// <param name="clip">The class's own default of <c>clip_sample</c>; null if the class does not know the setting.</param>
    /// <param name="thresholds">The class knows <c>thresholding</c>.</param>
    public OriginalLimit(SchedulerSetup setup, bool? clip, bool thresholds = true)
    {
        var config = setup.Config;
        _range = clip is { } own && (config.ClipSample ?? own) ? config.ClipSampleRange ?? 1 : float.PositiveInfinity;
        _ratio = config.DynamicThresholdingRatio ?? 0.995f;
        _max = config.SampleMaxValue ?? 1;
        _magnitudes = thresholds && config.Thresholding == true ? new float[setup.Length] : [];
    }

    public void Apply(Span<float> original)
    {
        if (_magnitudes.Length > 0)
        {
            // torch.quantile, then clamp(min: 1, max: sample_max_value).
            TensorPrimitives.Abs(original, _magnitudes);
            Array.Sort(_magnitudes);
            var rank = _ratio * (_magnitudes.Length - 1);
            var low = (int)rank;
            var high = Math.Min(low + 1, _magnitudes.Length - 1);
            var quantile = _magnitudes[low] + (rank - low) * (_magnitudes[high] - _magnitudes[low]);
            var scale = Math.Min(Math.Max(quantile, 1), _max);
            Clamp(original, scale);
            TensorPrimitives.Divide(original, scale, original);
        }
        else if (float.IsFinite(_range))
        {
            Clamp(original, _range);
        }
    }

    private static void Clamp(Span<float> values, float range)
    {
        TensorPrimitives.Max(values, -range, values);
        TensorPrimitives.Min(values, range, values);
    }
}
