using SkiaSharp;

namespace ImageService.Api.Tests;

/// <summary>Files to upload and to show, drawn on the spot.</summary>
internal static class Pictures
{
    public static byte[] Png(int width, int height, Action<SKCanvas> draw) => Encode(width, height, draw, SKEncodedImageFormat.Png);

    public static byte[] Encode(int width, int height, Action<SKCanvas> draw, SKEncodedImageFormat format, int quality = 100)
    {
        using var bitmap = new SKBitmap(width, height);
        using (var canvas = new SKCanvas(bitmap))
            draw(canvas);
        using var data = bitmap.Encode(format, quality);
        return data.ToArray();
    }

    /// <summary>A fruit on a ground, as far as it has been drawn at <paramref name="done"/> (0..1).</summary>
    public static byte[] Fruit(int size, SKColor ground, SKColor fruit, float done = 1) => Png(size, size, canvas =>
    {
        canvas.Clear(ground);
        using var skin = new SKPaint { IsAntialias = true };
        skin.Shader = SKShader.CreateRadialGradient(new SKPoint(size * 0.4f, size * 0.4f), size * 0.45f,
            [Mix(fruit, SKColors.White, 0.45f), fruit, Mix(fruit, SKColors.Black, 0.35f)], [0, 0.5f, 1], SKShaderTileMode.Clamp);
        canvas.DrawCircle(size * 0.5f, size * 0.56f, size * 0.3f, skin);
        using var stalk = new SKPaint { IsAntialias = true, Color = new SKColor(0x5B, 0x3A, 0x1E), StrokeWidth = size * 0.03f, IsStroke = true };
        canvas.DrawLine(size * 0.5f, size * 0.3f, size * 0.54f, size * 0.18f, stalk);
        using var leaf = new SKPaint { IsAntialias = true, Color = new SKColor(0x3E, 0x9B, 0x4F) };
        canvas.DrawOval(size * 0.63f, size * 0.22f, size * 0.09f, size * 0.045f, leaf);
        if (done < 1)
            Noise(canvas, size, 1 - done);
    });

    private static void Noise(SKCanvas canvas, int size, float strength)
    {
        var random = new Random(7);
        using var grain = new SKPaint();
        for (var y = 0; y < size; y++)
        {
            for (var x = 0; x < size; x++)
            {
                grain.Color = new SKColor((byte)random.Next(256), (byte)random.Next(256), (byte)random.Next(256), (byte)(strength * 230));
                canvas.DrawPoint(x, y, grain);
            }
        }
    }

    private static SKColor Mix(SKColor from, SKColor to, float share) => new(
        (byte)(from.Red + ((to.Red - from.Red) * share)), (byte)(from.Green + ((to.Green - from.Green) * share)), (byte)(from.Blue + ((to.Blue - from.Blue) * share)));
}
