using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace ImageService.Diffusion.Tests.Imaging;

/// <summary>A strict PNG reader written from the specification alone: 8-bit RGB, every filter, every CRC checked bit by bit.</summary>
internal sealed class PngFile
{
    public int Width { get; private set; }
    public int Height { get; private set; }
    public byte[] Rgb { get; private set; } = [];
    public List<(string Type, string Keyword, string Text)> Texts { get; } = [];
    public List<string> ChunkTypes { get; } = [];

    public static PngFile Read(ReadOnlySpan<byte> file)
    {
        Assert.Equal([137, 80, 78, 71, 13, 10, 26, 10], file[..8].ToArray());
        var png = new PngFile();
        var data = new MemoryStream();
        var at = 8;
        while (at < file.Length)
        {
            var length = BinaryPrimitives.ReadInt32BigEndian(file[at..]);
            var typeAndContent = file.Slice(at + 4, 4 + length);
            Assert.Equal(Crc(typeAndContent), BinaryPrimitives.ReadUInt32BigEndian(file[(at + 8 + length)..]));
            png.Take(Encoding.ASCII.GetString(typeAndContent[..4]), typeAndContent[4..], data);
            at += 12 + length;
        }
        Assert.Equal(file.Length, at);
        Assert.Equal("IHDR", png.ChunkTypes[0]);
        Assert.Equal("IEND", png.ChunkTypes[^1]);
        data.Position = 0;
        png.Unfilter(data);
        return png;
    }

    public string? Text(string keyword) => Texts.Where(t => t.Keyword == keyword).Select(t => t.Text).SingleOrDefault();

    private void Take(string type, ReadOnlySpan<byte> content, MemoryStream data)
    {
        ChunkTypes.Add(type);
        switch (type)
        {
            case "IHDR":
                (Width, Height) = (BinaryPrimitives.ReadInt32BigEndian(content), BinaryPrimitives.ReadInt32BigEndian(content[4..]));
                Assert.Equal([8, 2, 0, 0, 0], content[8..].ToArray());
                break;
            case "IDAT":
                data.Write(content);
                break;
            case "tEXt":
                var zero = content.IndexOf((byte)0);
                Texts.Add((type, Encoding.Latin1.GetString(content[..zero]), Encoding.Latin1.GetString(content[(zero + 1)..])));
                break;
            case "iTXt":
                zero = content.IndexOf((byte)0);
                Assert.Equal([0, 0, 0, 0], content.Slice(zero + 1, 4).ToArray());
                Texts.Add((type, Encoding.Latin1.GetString(content[..zero]), Encoding.UTF8.GetString(content[(zero + 5)..])));
                break;
            default:
                Assert.Equal("IEND", type);
                Assert.Equal(0, content.Length);
                break;
        }
    }

    private void Unfilter(Stream data)
    {
        using var zlib = new ZLibStream(data, CompressionMode.Decompress);
        var stride = Width * 3;
        var above = new byte[stride];
        Rgb = new byte[Height * stride];
        for (var y = 0; y < Height; y++)
        {
            var filter = zlib.ReadByte();
            var row = Rgb.AsSpan(y * stride, stride);
            zlib.ReadExactly(row);
            for (var x = 0; x < stride; x++)
            {
                var left = x >= 3 ? row[x - 3] : 0;
                row[x] += (byte)(filter switch
                {
                    0 => 0,
                    1 => left,
                    2 => above[x],
                    3 => (left + above[x]) / 2,
                    4 => Paeth(left, above[x], x >= 3 ? above[x - 3] : 0),
                    _ => throw new InvalidDataException($"filter {filter}"),
                });
            }
            row.CopyTo(above);
        }
        Assert.Equal(-1, zlib.ReadByte());
    }

    private static int Paeth(int left, int above, int corner)
    {
        var (a, b, c) = (Math.Abs(above - corner), Math.Abs(left - corner), Math.Abs(left + above - (2 * corner)));
        return a <= b && a <= c ? left : b <= c ? above : corner;
    }

    private static uint Crc(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var b in bytes)
        {
            crc ^= b;
            for (var bit = 0; bit < 8; bit++)
                crc = (crc & 1) != 0 ? (crc >> 1) ^ 0xEDB88320 : crc >> 1;
        }
        return ~crc;
    }
}
