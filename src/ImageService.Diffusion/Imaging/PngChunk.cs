using System.Buffers.Binary;
using System.IO.Hashing;

namespace ImageService.Diffusion.Imaging;

/// <summary>The frame around everything in a PNG file: length, type, content, CRC-32 over type and content.</summary>
internal static class PngChunk
{
    /// <summary>Bytes of length and type.</summary>
    public const int HeadLength = 8;

    /// <summary>Bytes of the CRC.</summary>
    public const int TailLength = 4;

    public static void Write(Stream output, ReadOnlySpan<byte> type, ReadOnlySpan<byte> content)
    {
        Span<byte> frame = stackalloc byte[HeadLength + TailLength];
        BinaryPrimitives.WriteInt32BigEndian(frame, content.Length);
        type.CopyTo(frame[4..]);
        var crc = new Crc32();
        crc.Append(frame[4..HeadLength]);
        crc.Append(content);
        BinaryPrimitives.WriteUInt32BigEndian(frame[HeadLength..], crc.GetCurrentHashAsUInt32());
        output.Write(frame[..HeadLength]);
        output.Write(content);
        output.Write(frame[HeadLength..]);
    }

    /// <summary>Completes a chunk whose content already lies in place, with room left for the frame on both sides.</summary>
    /// <param name="chunk">Head, content and tail.</param>
    public static void Frame(Span<byte> chunk, ReadOnlySpan<byte> type)
    {
        BinaryPrimitives.WriteInt32BigEndian(chunk, chunk.Length - HeadLength - TailLength);
        type.CopyTo(chunk[4..]);
        BinaryPrimitives.WriteUInt32BigEndian(chunk[^TailLength..], Crc32.HashToUInt32(chunk[4..^TailLength]));
    }
}
