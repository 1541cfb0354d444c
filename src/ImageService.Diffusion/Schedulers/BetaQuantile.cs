namespace ImageService.Diffusion.Schedulers;

/// <summary>
/// The inverse of the regularized incomplete beta function with both parameters 0.6 (scipy's <c>beta.ppf(p, 0.6, 0.6)</c>), to about 1e-14: the
/// noise levels of "Beta Sampling is All You Need" (Lee et al. 2024).
/// </summary>
internal static class BetaQuantile
{
    private const double Shape = 0.6;

    // B(0.6, 0.6) = gamma(0.6)^2 / gamma(1.2)
    private const double CompleteBeta = 1.4891922488128169 * 1.4891922488128169 / 0.9181687423997604;

    public static double Of(double probability)
    {
        if (probability <= 0)
            return 0;
        if (probability >= 1)
            return 1;
        // The distribution is symmetric: work in the lower half, where the series is exact to the last digits.
        if (probability > 0.5)
            return 1 - Of(1 - probability);
        var (low, high) = (0.0, 0.5);
        // Near 0 the distribution is x^a / (a B): a start that is right to a few digits where the curve is steep.
        var x = Math.Min(Math.Pow(probability * Shape * CompleteBeta, 1 / Shape), 0.5);
        for (var i = 0; i < 100; i++)
        {
            var error = Cumulative(x) - probability;
            (low, high) = error > 0 ? (low, x) : (x, high);
            var density = Math.Pow(x * (1 - x), Shape - 1) / CompleteBeta;
            var next = x - error / density;
            if (!(next > low && next < high))
                next = (low + high) / 2;
            if (Math.Abs(next - x) <= 1e-15 * x)
                return next;
            x = next;
        }
        return x;
    }

    // DLMF 8.17.8: x^a (1-x)^b / (a B) * sum of (a+b)_n / (a+1)_n x^n, for x up to 1/2.
    private static double Cumulative(double x)
    {
        var (term, sum) = (1.0, 1.0);
        for (var n = 0; term > 1e-17 * sum; n++)
        {
            term *= (2 * Shape + n) / (Shape + 1 + n) * x;
            sum += term;
        }
        return Math.Pow(x * (1 - x), Shape) / (Shape * CompleteBeta) * sum;
    }
}
