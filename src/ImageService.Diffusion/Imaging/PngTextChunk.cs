using System.Text;

namespace ImageService.Diffusion.Imaging;

/// <summary>Writes tEXt (Latin-1) and iTXt (UTF-8) chunks.</summary>
internal static class PngTextChunk
{
    public static void Write(Stream output, PngText text)
    {
        if (text.Keyword.Length is < 1 or > 79 || text.Keyword.Any(c => c is < ' ' or (> '~' and < '\u00A1') or > '\u00FF'))
            throw new ArgumentException($"Keyword \"{text.Keyword}\" must have 1..79 printable Latin-1 characters.", nameof(text));
        // Zero ends a field in these chunks, so a text cannot hold it.
        var value = text.Text.Replace('\0', ' ');
        using var content = new MemoryStream(text.Keyword.Length + (2 * value.Length) + 8);
        content.Write(Encoding.Latin1.GetBytes(text.Keyword));
        content.WriteByte(0);
        if (!text.International && value.All(c => c <= '\u00FF'))
        {
            content.Write(Encoding.Latin1.GetBytes(value));
            PngChunk.Write(output, "tEXt"u8, Written(content));
            return;
        }
        content.Write([0, 0, 0, 0]); // not compressed, method 0, no language, no translated keyword
        content.Write(Encoding.UTF8.GetBytes(value));
        PngChunk.Write(output, "iTXt"u8, Written(content));
    }

    private static ReadOnlySpan<byte> Written(MemoryStream stream) => stream.GetBuffer().AsSpan(0, (int)stream.Length);
}
