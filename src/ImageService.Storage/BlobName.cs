using System.Buffers;
using System.Diagnostics.CodeAnalysis;

namespace ImageService.Storage;

/// <summary>
/// What a blob may be called: segments of letters, digits, '-', '_' and '.', parted by '/'. Nothing else can name a path outside the store,
/// in whatever way it is written.
/// </summary>
internal static class BlobName
{
    private const int MaxLength = 512;
    private static readonly SearchValues<char> Allowed =
        SearchValues.Create("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_./");

    public static bool IsValid([NotNullWhen(true)] string? name) =>
        !string.IsNullOrEmpty(name) && IsValidPrefix(name) && !name.EndsWith('/');

    /// <summary>The same for the beginning of a name, which may be empty or end within a segment.</summary>
    public static bool IsValidPrefix(string prefix) =>
        prefix.Length <= MaxLength
        && !prefix.AsSpan().ContainsAnyExcept(Allowed)
        && !prefix.StartsWith('/')
        && !prefix.Contains("//", StringComparison.Ordinal)
        && !prefix.Split('/').Any(segment => segment.StartsWith('.')); // "..", ".", and the store's own folder

    public static void Check(string name)
    {
        if (!IsValid(name))
            throw new ArgumentException(
                $"A blob's name has 1 to {MaxLength} letters, digits, '-', '_', '.' and '/', and no segment that is empty or begins with '.'.", nameof(name));
    }
}
