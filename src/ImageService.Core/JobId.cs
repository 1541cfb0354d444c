using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace ImageService.Core;

/// <summary>
/// The name of a job: <c>job_</c> and 26 characters of Crockford base32 (48 bits of Unix milliseconds, then 80 random bits, as a ULID),
/// so that identifiers sort by creation time and cannot be guessed.
/// </summary>
public readonly record struct JobId
{
    private const string Prefix = "job_";
    private const string Alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
    private const int Characters = 26;
    private static readonly SearchValues<char> Letters = SearchValues.Create(Alphabet);

    private JobId(string value) => Value = value;

    /// <summary>The text form, safe in URLs, file names and Redis keys.</summary>
    public string Value { get; }

    public static JobId New(TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(time);
        Span<byte> bits = stackalloc byte[16];
        RandomNumberGenerator.Fill(bits[6..]);
        var milliseconds = time.GetUtcNow().ToUnixTimeMilliseconds();
        for (var i = 5; i >= 0; i--, milliseconds >>= 8)
            bits[i] = (byte)milliseconds;
        var number = BinaryPrimitives.ReadUInt128BigEndian(bits);
        return new JobId(string.Create(Prefix.Length + Characters, number, static (text, number) =>
        {
            Prefix.CopyTo(text);
            for (var i = text.Length - 1; i >= Prefix.Length; i--, number >>= 5)
                text[i] = Alphabet[(int)(number & 31)];
        }));
    }

    /// <summary>Reads the text form. Anything else, a path for example, is no job's name.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out JobId id)
    {
        id = default;
        if (text is null || text.Length != Prefix.Length + Characters || !text.StartsWith(Prefix, StringComparison.Ordinal))
            return false;
        if (text.AsSpan(Prefix.Length).ContainsAnyExcept(Letters))
            return false;
        id = new JobId(text);
        return true;
    }

    public static JobId Parse(string text) =>
        TryParse(text, out var id) ? id : throw new FormatException($"'{text}' is not a job id.");

    public override string ToString() => Value;
}
