using System.Text;

namespace ImageService.Onnx.Tests;

/// <summary>Protocol buffers as bytes: fields written by hand, and a message taken apart into its fields.</summary>
internal static class Proto
{
    public static byte[] Field(int number, int value) => [.. Varint((ulong)number << 3), .. Varint((ulong)value)];

    public static byte[] Field(int number, string text) => Field(number, Encoding.UTF8.GetBytes(text));

    public static byte[] Field(int number, byte[] content) => [.. Varint(((ulong)number << 3) | 2), .. Varint((ulong)content.Length), .. content];

    public static byte[] Join(params IEnumerable<byte[]> parts)
    {
        using var stream = new MemoryStream();
        foreach (var part in parts)
            stream.Write(part);
        return stream.ToArray();
    }

    /// <summary>The fields of a message in order; <see cref="ProtoField.Raw"/> of all of them joined is the message.</summary>
    public static IEnumerable<ProtoField> Fields(byte[] message)
    {
        for (var at = 0; at < message.Length;)
        {
            var start = at;
            var key = Read(message, ref at);
            var (value, content) = (0UL, 0);
            switch (key & 7)
            {
                case 0:
                    value = Read(message, ref at);
                    break;
                case 2:
                    content = (int)Read(message, ref at);
                    break;
                case var wire:
                    content = wire == 1 ? 8 : 4;
                    break;
            }
            at += content;
            yield return new ProtoField((int)(key >> 3), (long)value, message[(at - content)..at], message[start..at]);
        }
    }

    private static ulong Read(byte[] message, ref int at)
    {
        var value = 0UL;
        for (var shift = 0; ; shift += 7)
        {
            var part = message[at++];
            value |= (ulong)(part & 127) << shift;
            if (part < 128)
                return value;
        }
    }

    private static IEnumerable<byte> Varint(ulong value)
    {
        for (; value > 127; value >>= 7)
            yield return (byte)(value | 128);
        yield return (byte)value;
    }
}

/// <param name="Value">Of a whole number.</param>
/// <param name="Content">Of bytes, texts and messages.</param>
/// <param name="Raw">With key and length.</param>
internal sealed record ProtoField(int Number, long Value, byte[] Content, byte[] Raw)
{
    public string Text => Encoding.UTF8.GetString(Content);
}
