using ImageService.Api.StartImages;

namespace ImageService.Api.Tests;

public sealed class LanczosResizing
{
    [Fact]
    public void The_same_size_changes_nothing()
    {
        var image = Ramp(7, 5);
        Assert.Equal(image.Pixels, Lanczos.Resize(image, 7, 5).Pixels);
    }

    [Fact]
    public void One_colour_stays_that_colour_at_every_size()
    {
        var image = new RgbImage(10, 10, [.. Enumerable.Repeat((byte)201, 300)]);
        foreach (var (width, height) in new[] { (64, 64), (3, 3), (1, 1), (64, 3) })
            Assert.All(Lanczos.Resize(image, width, height).Pixels, p => Assert.Equal(201, p));
    }

    [Fact]
    public void Shrinking_looks_at_every_pixel()
    {
        // A chessboard of single pixels has the mean gray; a filter that skips pixels gives black or white.
        var pixels = Enumerable.Range(0, 64 * 64 * 3).Select(i => (byte)(((i / 3 % 64) + (i / 3 / 64)) % 2 * 255)).ToArray();
        var small = Lanczos.Resize(new RgbImage(64, 64, pixels), 8, 8).Pixels;
        Assert.All(small, p => Assert.InRange(p, 110, 145));
    }

    [Fact]
    public void Edges_ring_as_Lanczos_does_and_are_clamped()
    {
        // One row: black, then white, twice as wide. The values are those of a windowed sinc with three lobes, worked out by hand below.
        byte[] row = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255];
        var wide = Lanczos.Resize(new RgbImage(8, 1, row), 16, 1).Pixels.Where((_, i) => i % 3 == 0).ToArray();
        for (var x = 0; x < 16; x++)
            Assert.Equal(Expected(x), wide[x]);

        static byte Expected(int x)
        {
            var center = (x + 0.5) / 2;
            var (white, all) = (0.0, 0.0);
            for (var i = 0; i < 8; i++)
            {
                var t = i + 0.5 - center;
                var weight = Math.Abs(t) >= 3 ? 0 : t == 0 ? 1 : 3 * Math.Sin(Math.PI * t) * Math.Sin(Math.PI * t / 3) / (Math.PI * Math.PI * t * t);
                all += weight;
                white += i < 4 ? 0 : weight;
            }
            return (byte)Math.Clamp(Math.Floor((255 * white / all) + 0.5), 0, 255);
        }
    }

    private static RgbImage Ramp(int width, int height) => new(width, height, [.. Enumerable.Range(0, width * height * 3).Select(i => (byte)(i * 3))]);
}
