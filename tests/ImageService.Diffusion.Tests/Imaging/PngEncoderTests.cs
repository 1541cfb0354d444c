using System.Globalization;
using ImageService.Diffusion.Imaging;

namespace ImageService.Diffusion.Tests.Imaging;

public sealed class PngEncoderTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 2)]
    [InlineData(64, 48)]
    [InlineData(333, 257)]
    public void Pictures_come_back_byte_for_byte(int width, int height)
    {
        var rgb = Noise(width, height);

        var png = PngFile.Read(PngEncoder.Encode(width, height, rgb).Span);

        Assert.Equal((width, height), (png.Width, png.Height));
        Assert.Equal(rgb, png.Rgb);
    }

    [Fact]
    public void A_large_picture_is_cut_into_chunks()
    {
        var png = PngFile.Read(PngEncoder.Encode(333, 257, Noise(333, 257)).Span);

        Assert.True(png.ChunkTypes.Count(t => t == "IDAT") > 3);
    }

    [Fact]
    public void Texts_stand_before_the_picture_in_Latin_1_where_that_holds_them_and_in_UTF_8_otherwise()
    {
        var png = PngFile.Read(PngEncoder.Encode(1, 1, [1, 2, 3],
            new PngText("parameters", "café\nSteps: 5"), new PngText("Title", "猫 \0 😀"), new PngText("XML:com.adobe.xmp", "<x/>", International: true)).Span);

        Assert.Equal([("tEXt", "parameters", "café\nSteps: 5"), ("iTXt", "Title", "猫   😀"), ("iTXt", "XML:com.adobe.xmp", "<x/>")], png.Texts);
        Assert.Equal(["IHDR", "tEXt", "iTXt", "iTXt", "IDAT", "IEND"], png.ChunkTypes);
    }

    [Fact]
    public void The_stream_form_writes_the_same_file()
    {
        var rgb = Noise(40, 30);
        using var stream = new MemoryStream();

        PngEncoder.Write(stream, 40, 30, rgb, new PngText("a", "b"));

        Assert.Equal(PngEncoder.Encode(40, 30, rgb, new PngText("a", "b")).ToArray(), stream.ToArray());
    }

    [Fact]
    public void Wrong_sizes_and_keywords_are_refused()
    {
        Assert.Contains("12 bytes, but 2 x 3 pixels have 18", Assert.Throws<ArgumentException>(() => PngEncoder.Encode(2, 3, new byte[12])).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => PngEncoder.Encode(0, 3, []));
        Assert.Throws<ArgumentException>(() => PngEncoder.Encode(1, 1, new byte[3], new PngText("", "x")));
        Assert.Throws<ArgumentException>(() => PngEncoder.Encode(1, 1, new byte[3], new PngText("ключ", "x")));
    }

    [Fact]
    public void Encoding_allocates_little_more_than_the_file()
    {
        var rgb = new byte[512 * 512 * 3];
        PngEncoder.Encode(512, 512, rgb);

        var before = GC.GetAllocatedBytesForCurrentThread();
        PngEncoder.Encode(512, 512, rgb);
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.True(allocated < (rgb.Length / 2) + 20_000, allocated.ToString(CultureInfo.InvariantCulture));
    }

    private static byte[] Noise(int width, int height)
    {
        var rgb = new byte[width * height * 3];
        new Random(width).NextBytes(rgb);
        return rgb;
    }
}
