using System.Buffers;
using System.Text.Json;

namespace ImageService.Api.Jobs;

/// <summary>
/// Finds the field that a body gives NaN or Infinity: not JSON, but what Python's and others' writers send for such numbers, so the answer should
/// speak of the field and not of a byte.
/// </summary>
internal static class NonFiniteNumber
{
    /// <param name="json">A body that the parser refused.</param>
    /// <returns>The top-level field whose value is such a word, or null.</returns>
    public static string? Field(ReadOnlySequence<byte> json)
    {
        var reader = new Utf8JsonReader(json);
        string? field = null;
        try
        {
            while (reader.Read())
                field = reader.TokenType == JsonTokenType.PropertyName && reader.CurrentDepth == 1 ? reader.GetString() : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return field is not null && StartsWithWord(json.Slice(reader.BytesConsumed)) ? field : null;
        }
        return null;
    }

    private static bool StartsWithWord(ReadOnlySequence<byte> rest)
    {
        var reader = new SequenceReader<byte>(rest);
        reader.AdvancePastAny(" \t\r\n:-"u8);
        return reader.IsNext("NaN"u8) || reader.IsNext("Infinity"u8);
    }
}
