using ImageService.Api.Problems;

namespace ImageService.Api.Jobs;

/// <summary>The <c>Idempotency-Key</c> header of draft-ietf-httpapi-idempotency-key-header-07: a quoted string, or bare as many clients send it.</summary>
internal static class IdempotencyKeyHeader
{
    public const string Name = "Idempotency-Key";
    public const string ReplayedName = "Idempotent-Replayed";
    public const int MaxLength = 255;

    /// <summary>Whether a key, however it came, may be one.</summary>
    public static bool IsKey(string key) => key.Length is >= 1 and <= MaxLength && key.All(c => c is >= ' ' and <= '~');

    /// <returns>The key, or null if there is no such header.</returns>
    /// <exception cref="ProblemException">400: not 1 to 255 printable ASCII characters.</exception>
    public static string? Read(IHeaderDictionary headers)
    {
        if (!headers.TryGetValue(Name, out var values))
            return null;
        var key = values.Count == 1 ? values[0]!.Trim() : "";
        if (key is ['"', .., '"'] && key.Length >= 2)
            key = key[1..^1].Replace("\\\"", "\"", StringComparison.Ordinal).Replace("\\\\", "\\", StringComparison.Ordinal);
        return IsKey(key) ? key
            : throw ProblemException.Field(Name, $"{Name} must be one value of 1 to {MaxLength} printable ASCII characters, quoted or bare.");
    }
}
