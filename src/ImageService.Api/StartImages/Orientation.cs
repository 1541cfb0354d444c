using SkiaSharp;

namespace ImageService.Api.StartImages;

/// <summary>The eight EXIF orientations: cameras store the sensor's rows and say how to turn them.</summary>
internal static class Orientation
{
    public static bool Swaps(SKEncodedOrigin origin) =>
        origin is SKEncodedOrigin.LeftTop or SKEncodedOrigin.RightTop or SKEncodedOrigin.RightBottom or SKEncodedOrigin.LeftBottom;

    /// <summary>Turns stored RGBA rows into RGB rows as they are shown.</summary>
    public static RgbImage Apply(SKEncodedOrigin origin, ReadOnlySpan<byte> rgba, int width, int height)
    {
        var (shownWidth, shownHeight) = Swaps(origin) ? (height, width) : (width, height);
        var rgb = new byte[shownWidth * shownHeight * 3];
        var into = 0;
        for (var y = 0; y < shownHeight; y++)
        {
            for (var x = 0; x < shownWidth; x++, into += 3)
            {
                // Where the shown pixel (x, y) is stored.
                var (column, row) = origin switch
                {
                    SKEncodedOrigin.TopRight => (width - 1 - x, y),
                    SKEncodedOrigin.BottomRight => (width - 1 - x, height - 1 - y),
                    SKEncodedOrigin.BottomLeft => (x, height - 1 - y),
                    SKEncodedOrigin.LeftTop => (y, x),
                    SKEncodedOrigin.RightTop => (y, height - 1 - x),
                    SKEncodedOrigin.RightBottom => (width - 1 - y, height - 1 - x),
                    SKEncodedOrigin.LeftBottom => (width - 1 - y, x),
                    _ => (x, y),
                };
                var from = ((row * width) + column) * 4;
                rgba.Slice(from, 3).CopyTo(rgb.AsSpan(into));
            }
        }
        return new RgbImage(shownWidth, shownHeight, rgb);
    }
}
