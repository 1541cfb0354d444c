using System.Text.RegularExpressions;

namespace ImageService.Deployment.Tests;

/// <summary>The names that docs/operations.md tells operators.</summary>
internal static partial class Documentation
{
    private static readonly string Page = Repository.Read("docs/operations.md");

    /// <summary>Settings with a colon in their name, as in <c>Blobs:S3:Bucket</c>.</summary>
    public static HashSet<string> Settings { get; } = [.. Setting().Matches(Section("## Configuration")).Select(match => match.Groups[1].Value)];

    /// <summary>Environment names of the platform and of libraries.</summary>
    public static HashSet<string> ForeignVariables { get; } = [.. Variable().Matches(Section("## Configuration")).Select(match => match.Groups[1].Value)];

    public static HashSet<string> Metrics { get; } = [.. FirstCell().Matches(Section("| Metric")).Select(match => match.Groups[1].Value)];

    public static HashSet<string> Alerts { get; } = [.. FirstCell().Matches(Section("| Alert")).Select(match => match.Groups[1].Value)];

    /// <summary>From this line to the next heading, or of a table to its end.</summary>
    private static string Section(string start)
    {
        var from = Page.IndexOf(start, StringComparison.Ordinal);
        Assert.True(from >= 0, $"docs/operations.md has no «{start}»");
        var to = Page.IndexOf(start.StartsWith('|') ? "\n\n" : "\n## ", from, StringComparison.Ordinal);
        return to < 0 ? Page[from..] : Page[from..to];
    }

    [GeneratedRegex(@"^\| `([A-Za-z0-9]+(?::[A-Za-z0-9]+)+)` \|", RegexOptions.Multiline)]
    private static partial Regex Setting();

    [GeneratedRegex("`([A-Z][A-Z0-9]*_[A-Z0-9_]+)`")]
    private static partial Regex Variable();

    [GeneratedRegex(@"^\| `(\w+)` \|", RegexOptions.Multiline)]
    private static partial Regex FirstCell();
}
