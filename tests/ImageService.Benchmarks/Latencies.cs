namespace ImageService.Benchmarks;

/// <summary>Seconds from a request to its picture, waiting included.</summary>
internal sealed record Latencies(double Mean, double P50, double P99)
{
    /// <param name="seconds">At least one, in any order.</param>
    public static Latencies Of(IEnumerable<double> seconds)
    {
        var sorted = seconds.Order().ToArray();
        return new Latencies(sorted.Average(), Percentile(sorted, 50), Percentile(sorted, 99));
    }

    /// <summary>By nearest rank.</summary>
    /// <param name="sorted">At least one, rising.</param>
    /// <param name="percent">1..100.</param>
    public static double Percentile(IReadOnlyList<double> sorted, int percent) => sorted[(int)Math.Ceiling(percent / 100.0 * sorted.Count) - 1];
}
