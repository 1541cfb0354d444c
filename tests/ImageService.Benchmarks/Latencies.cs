namespace ImageService.Benchmarks;

/// <summary>Seconds from a request to its picture, waiting included.</summary>
/// <param name="Percentiles">The 1st, 2nd ... 100th, by nearest rank.</param>
internal sealed record Latencies(double Mean, double P50, double P99, IReadOnlyList<double> Percentiles)
{
    /// <param name="seconds">At least one, in any order.</param>
    public static Latencies Of(IEnumerable<double> seconds)
    {
        var sorted = seconds.Order().ToArray();
        if (sorted.Length == 0)
            throw new ArgumentException("There must be one.", nameof(seconds));
        return new Latencies(sorted.Average(), Percentile(sorted, 50), Percentile(sorted, 99), [.. Enumerable.Range(1, 100).Select(p => Percentile(sorted, p))]);
    }

    /// <param name="percent">1..100.</param>
    public static double Percentile(IReadOnlyList<double> sorted, int percent) => sorted[Math.Max(1, (int)Math.Ceiling(percent / 100.0 * sorted.Count)) - 1];
}
