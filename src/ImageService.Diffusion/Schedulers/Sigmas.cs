namespace ImageService.Diffusion.Schedulers;

/// <summary>Noise levels of the steps of a run, descending, and the way back from a level to a timestep. In double, as numpy computes them.</summary>
internal static class Sigmas
{
    /// <summary>The levels from <paramref name="max"/> to <paramref name="min"/> on a curve of <paramref name="count"/> points.</summary>
    public static double[] OnCurve(SigmaSpacing curve, double max, double min, int count)
    {
        var sigmas = new double[count];
        for (var i = 0; i < count; i++)
        {
            var ramp = count == 1 ? 0 : i == count - 1 ? 1 : i * (1.0 / (count - 1));
            sigmas[i] = curve switch
            {
                SigmaSpacing.Karras => Karras(max, min, ramp),
                SigmaSpacing.Exponential => Math.Exp(Math.Log(max) + ramp * (Math.Log(min) - Math.Log(max))),
                SigmaSpacing.Beta => min + BetaQuantile.Of(1 - ramp) * (max - min),
                _ => throw new ArgumentOutOfRangeException(nameof(curve)),
            };
        }
        return sigmas;
    }

    // Karras et al. 2022, equation 5.
    private static double Karras(double max, double min, double ramp)
    {
        const double rho = 7;
        var (fromMax, fromMin) = (Math.Pow(max, 1 / rho), Math.Pow(min, 1 / rho));
        return Math.Pow(fromMax + ramp * (fromMin - fromMax), rho);
    }

    /// <summary>The model's level at each timestep, linear between training timesteps and constant beyond them (<c>numpy.interp</c>).</summary>
    public static double[] At(ReadOnlySpan<double> timesteps, ReadOnlySpan<float> trained)
    {
        var sigmas = new double[timesteps.Length];
        for (var i = 0; i < sigmas.Length; i++)
        {
            var timestep = Math.Clamp(timesteps[i], 0, trained.Length - 1);
            var low = (int)timestep;
            double slope = low + 1 < trained.Length ? (double)trained[low + 1] - trained[low] : 0;
            sigmas[i] = slope * (timestep - low) + trained[low];
        }
        return sigmas;
    }

    /// <summary>The timestep with a noise level, linear in log sigma between training timesteps.</summary>
    /// <param name="logTrained">Ascending logarithms of the training levels.</param>
    public static double ToTimestep(double sigma, ReadOnlySpan<float> logTrained)
    {
        var logSigma = Math.Log(Math.Max(sigma, 1e-10));
        // The last timestep whose level is not above, but never the very last.
        var (low, high) = (0, logTrained.Length - 1);
        while (high - low > 1)
        {
            var middle = (low + high) / 2;
            (low, high) = logTrained[middle] <= logSigma ? (middle, high) : (low, middle);
        }
        var weight = Math.Clamp((logTrained[low] - logSigma) / ((double)logTrained[low] - logTrained[low + 1]), 0, 1);
        return (1 - weight) * low + weight * (low + 1);
    }
}
