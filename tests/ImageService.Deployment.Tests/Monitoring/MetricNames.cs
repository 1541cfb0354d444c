using System.Text.RegularExpressions;

namespace ImageService.Deployment.Tests.Monitoring;

internal static partial class MetricNames
{
    /// <summary>Our metrics in a text, without what Prometheus appends to the name of a histogram.</summary>
    public static HashSet<string> In(string text) => [.. Metric().Matches(text).Select(match => Suffix().Replace(match.Value, "$1"))];

    [GeneratedRegex(@"\b(?:imageservice|http_server)_[a-z0-9_]+")]
    private static partial Regex Metric();

    [GeneratedRegex("(_seconds|_rows)(?:_bucket|_count|_sum)$")]
    private static partial Regex Suffix();
}
