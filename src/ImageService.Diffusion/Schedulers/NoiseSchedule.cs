namespace ImageService.Diffusion.Schedulers;

/// <summary>
/// The noise levels a model was trained with, one for each training timestep. Immutable, shared by every scheduler of a model.
/// The arithmetic is torch's: float32 elements, a cumulative product that accumulates in double.
/// </summary>
internal sealed class NoiseSchedule
{
    // The smallest subnormal of float16: the last alpha product of a zero-terminal-SNR schedule in sigma form.
    private const float SmallestAlphaProduct = 1f / (1 << 24);

    private readonly float[] _alphasCumprod;
    private readonly float[] _betas;
    private readonly float[] _sigmas;
    private readonly float[] _logSigmas;

    private NoiseSchedule(float[] betas, TerminalSnr terminalSnr)
    {
        if (terminalSnr != TerminalSnr.AsTrained)
            betas = RescaleToZeroTerminalSnr(betas);
        _betas = betas;
        _alphasCumprod = CumulativeAlphas(betas);
        if (terminalSnr == TerminalSnr.NearZero)
            _alphasCumprod[^1] = SmallestAlphaProduct;
        _sigmas = Array.ConvertAll(_alphasCumprod, alpha => MathF.Sqrt((1 - alpha) / alpha));
        _logSigmas = Array.ConvertAll(_sigmas, MathF.Log);
    }

    /// <summary>Training timesteps.</summary>
    public int Count => _betas.Length;

    public ReadOnlySpan<float> Betas => _betas;

    /// <summary>Products of 1 - beta up to each timestep: the squared share of the original (Ho et al. 2020, equation 4).</summary>
    public ReadOnlySpan<float> AlphasCumprod => _alphasCumprod;

    /// <summary>sqrt((1 - alpha product) / alpha product), ascending.</summary>
    public ReadOnlySpan<float> Sigmas => _sigmas;

    public ReadOnlySpan<float> LogSigmas => _logSigmas;

    /// <param name="fallback">The betas of a class when the configuration does not name them.</param>
    /// <param name="terminalSnr">How the class treats <c>rescale_betas_zero_snr</c> when the configuration asks for it.</param>
    public static NoiseSchedule Create(SchedulerConfig config, BetaDefaults fallback, TerminalSnr terminalSnr)
    {
        var betas = config.TrainedBetas is { Length: > 0 } trained ? trained : FromCurve(config, fallback);
        return new NoiseSchedule(betas, config.RescaleBetasZeroSnr == true ? terminalSnr : TerminalSnr.AsTrained);
    }

    private static float[] FromCurve(SchedulerConfig config, BetaDefaults fallback)
    {
        var count = config.NumTrainTimesteps ?? 1000;
        var start = config.BetaStart ?? fallback.Start;
        var end = config.BetaEnd ?? fallback.End;
        return (config.BetaSchedule ?? fallback.Schedule) switch
        {
            "linear" => Linspace(start, end, count),
            "scaled_linear" => Array.ConvertAll(Linspace(Math.Sqrt(start), Math.Sqrt(end), count), root => root * root),
            "squaredcos_cap_v2" => Cosine(count),
            var other => throw new ArgumentException($"beta_schedule must be linear, scaled_linear or squaredcos_cap_v2, not '{other}'."),
        };
    }

    // torch.linspace: from both ends, with the product and the sum rounded once, as its compiled loop does. The last bit counts where a timestep is found
    // from a noise level and cut to a whole number.
    private static float[] Linspace(double start, double end, int count)
    {
        var (first, last) = ((float)start, (float)end);
        var step = count > 1 ? (last - first) / (count - 1) : 0;
        var values = new float[count];
        for (var i = 0; i < count; i++)
            values[i] = i < count / 2
                ? MathF.FusedMultiplyAdd(step, i, first)
                : MathF.FusedMultiplyAdd(-step, count - 1 - i, last);
        return values;
    }

    // Nichol and Dhariwal 2021, equation 17, with betas capped at 0.999.
    private static float[] Cosine(int count)
    {
        static double AlphaBar(double t) => Math.Pow(Math.Cos((t + 0.008) / 1.008 * Math.PI / 2), 2);
        var betas = new float[count];
        for (var i = 0; i < count; i++)
            betas[i] = (float)Math.Min(1 - AlphaBar((i + 1) / (double)count) / AlphaBar(i / (double)count), 0.999);
        return betas;
    }

    private static float[] CumulativeAlphas(float[] betas)
    {
        var products = new float[betas.Length];
        var product = 1.0;
        for (var i = 0; i < betas.Length; i++)
            products[i] = (float)(product *= 1f - betas[i]);
        return products;
    }

    private static float[] RescaleToZeroTerminalSnr(float[] betas)
    {
        var roots = Array.ConvertAll(CumulativeAlphas(betas), MathF.Sqrt);
        var (first, last) = (roots[0], roots[^1]);
        var products = Array.ConvertAll(roots, root =>
        {
            var moved = (root - last) * (first / (first - last));
            return moved * moved;
        });
        var rescaled = new float[betas.Length];
        rescaled[0] = 1 - products[0];
        for (var i = 1; i < rescaled.Length; i++)
            rescaled[i] = 1 - products[i] / products[i - 1];
        return rescaled;
    }
}

/// <summary>The betas of a diffusers class where a configuration does not name them.</summary>
internal sealed record BetaDefaults(double Start, double End, string Schedule)
{
    public static BetaDefaults Ddpm { get; } = new(0.0001, 0.02, "linear");
    public static BetaDefaults KDiffusion { get; } = new(0.00085, 0.012, "linear");
    public static BetaDefaults LatentConsistency { get; } = new(0.00085, 0.012, "scaled_linear");
}
