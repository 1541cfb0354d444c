using System.Buffers.Binary;
using System.IO.Compression;

namespace ImageService.Onnx.Tests.Golden;

/// <summary>Reads the reference pictures: PNG of 8 bits, grey or RGB.</summary>
internal static class GoldenPicture
{
    public static byte[] Read(string path)
    {
        ReadOnlySpan<byte> file = File.ReadAllBytes(path);
        var (width, height) = (BinaryPrimitives.ReadInt32BigEndian(file[16..]), BinaryPrimitives.ReadInt32BigEndian(file[20..]));
        Assert.Equal(8, file[24]);
        var channels = file[25] switch { 0 => 1, 2 => 3, _ => throw new InvalidDataException($"{path} is neither grey nor RGB.") };
        var data = new MemoryStream();
        for (var at = 8; at < file.Length;)
        {
            var length = BinaryPrimitives.ReadInt32BigEndian(file[at..]);
            if (file.Slice(at + 4, 4).SequenceEqual("IDAT"u8))
                data.Write(file.Slice(at + 8, length));
            at += 12 + length;
        }
        data.Position = 0;
        return Unfilter(new ZLibStream(data, CompressionMode.Decompress), width * channels, height, channels);
    }

    private static byte[] Unfilter(Stream stream, int stride, int height, int step)
    {
        var pixels = new byte[height * stride];
        var above = new byte[stride];
        for (var y = 0; y < height; y++)
        {
            var filter = stream.ReadByte();
            var row = pixels.AsSpan(y * stride, stride);
            stream.ReadExactly(row);
            for (var x = 0; x < stride; x++)
            {
                int left = x >= step ? row[x - step] : 0, corner = x >= step ? above[x - step] : 0;
                row[x] += (byte)(filter switch { 1 => left, 2 => above[x], 3 => (left + above[x]) / 2, 4 => Paeth(left, above[x], corner), _ => 0 });
            }
            row.CopyTo(above);
        }
        return pixels;
    }

    private static int Paeth(int left, int above, int corner)
    {
        var (a, b, c) = (Math.Abs(above - corner), Math.Abs(left - corner), Math.Abs(left + above - (2 * corner)));
        return a <= b && a <= c ? left : b <= c ? above : corner;
    }
}
