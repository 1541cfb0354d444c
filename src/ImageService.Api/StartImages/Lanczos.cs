namespace ImageService.Api.StartImages;

/// <summary>
/// Lanczos resampling with a = 3 as PIL's <c>Image.resize(..., LANCZOS)</c> does it, which diffusers' image processor uses for images and masks
/// alike: separable, widened when shrinking, 8 bits between the passes and 22-bit fixed-point weights. SkiaSharp has no Lanczos filter, and
/// another filter would give another start image and so another picture than diffusers draws.
/// </summary>
internal static class Lanczos
{
    private const int Radius = 3;
    private const int WeightBits = 22;

    public static RgbImage Resize(RgbImage image, int width, int height)
    {
        if (image.Width != width)
        {
            var narrowed = new byte[width * image.Height * 3];
            Pass(image.Pixels, narrowed, image.Width, width, image.Height, step: 3, stride: image.Width * 3, intoStride: width * 3);
            image = new RgbImage(width, image.Height, narrowed);
        }
        if (image.Height == height)
            return image;
        var shortened = new byte[width * height * 3];
        Pass(image.Pixels, shortened, image.Height, height, width, step: width * 3, stride: 3, intoStride: 3);
        return new RgbImage(width, height, shortened);
    }

    /// <summary>Resamples <paramref name="lines"/> lines of <paramref name="from"/> pixels, <paramref name="step"/> bytes apart, to <paramref name="to"/>.</summary>
    private static void Pass(byte[] source, byte[] into, int from, int to, int lines, int step, int stride, int intoStride)
    {
        for (var position = 0; position < to; position++)
        {
            var (first, weights) = Window(position, from, to);
            for (var line = 0; line < lines; line++)
            {
                for (var channel = 0; channel < 3; channel++)
                {
                    var sum = 1 << (WeightBits - 1);
                    var at = (line * stride) + (first * step) + channel;
                    foreach (var weight in weights)
                    {
                        sum += source[at] * weight;
                        at += step;
                    }
                    into[(line * intoStride) + (position * step) + channel] = (byte)Math.Clamp(sum >> WeightBits, 0, 255);
                }
            }
        }
    }

    private static (int First, int[] Weights) Window(int position, int from, int to)
    {
        var scale = (double)from / to;
        var widening = Math.Max(1, scale);
        var support = Radius * widening;
        var center = (position + 0.5) * scale;
        var first = Math.Max(0, (int)(center - support + 0.5));
        var end = Math.Min(from, (int)(center + support + 0.5));
        var weights = new double[end - first];
        for (var i = 0; i < weights.Length; i++)
            weights[i] = Kernel((first + i - center + 0.5) / widening);
        var total = weights.Sum();
        return (first, [.. weights.Select(w => (int)Math.Round(w / total * (1 << WeightBits), MidpointRounding.AwayFromZero))]);
    }

    private static double Kernel(double x) => x is >= -Radius and < Radius ? Sinc(x) * Sinc(x / Radius) : 0;

    private static double Sinc(double x) => x == 0 ? 1 : Math.Sin(Math.PI * x) / (Math.PI * x);
}
