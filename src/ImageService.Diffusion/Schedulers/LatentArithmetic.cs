using System.Numerics;
using System.Runtime.InteropServices;

namespace ImageService.Diffusion.Schedulers;

/// <summary>
/// Weighted sums over latents, vectorised, without fused multiply-add: each product is rounded as torch rounds it. Where noise levels are in the
/// thousands (zero terminal SNR) another order of operations would cost four digits. Every span of a call has the same length; the result may be an operand.
/// </summary>
internal static class LatentArithmetic
{
    /// <summary>into = a x + b y.</summary>
    public static void Sum(float a, ReadOnlySpan<float> x, float b, ReadOnlySpan<float> y, Span<float> into)
    {
        var done = Vectors(x, out var xs) * Vector<float>.Count;
        Vectors(y, out var ys);
        var sums = MemoryMarshal.Cast<float, Vector<float>>(into);
        for (var i = 0; i < xs.Length; i++)
            sums[i] = xs[i] * a + ys[i] * b;
        for (var i = done; i < x.Length; i++)
            into[i] = x[i] * a + y[i] * b;
    }

    /// <summary>into = into + b y.</summary>
    public static void Add(float b, ReadOnlySpan<float> y, Span<float> into) => Sum(1, into, b, y, into);

    /// <summary>into = (x - b y) / c.</summary>
    public static void SubtractAndDivide(ReadOnlySpan<float> x, float b, ReadOnlySpan<float> y, float c, Span<float> into)
    {
        var done = Vectors(x, out var xs) * Vector<float>.Count;
        Vectors(y, out var ys);
        var results = MemoryMarshal.Cast<float, Vector<float>>(into);
        var divisor = new Vector<float>(c);
        for (var i = 0; i < xs.Length; i++)
            results[i] = (xs[i] - ys[i] * b) / divisor;
        for (var i = done; i < x.Length; i++)
            into[i] = (x[i] - y[i] * b) / c;
    }

    /// <summary>into = x + (y - z) / b * c: an Euler step along the line from the original z through the sample y.</summary>
    public static void StepAlong(ReadOnlySpan<float> x, ReadOnlySpan<float> y, ReadOnlySpan<float> z, float b, float c, Span<float> into)
    {
        var done = Vectors(x, out var xs) * Vector<float>.Count;
        Vectors(y, out var ys);
        Vectors(z, out var zs);
        var results = MemoryMarshal.Cast<float, Vector<float>>(into);
        var divisor = new Vector<float>(b);
        for (var i = 0; i < xs.Length; i++)
            results[i] = xs[i] + (ys[i] - zs[i]) / divisor * c;
        for (var i = done; i < x.Length; i++)
            into[i] = x[i] + (y[i] - z[i]) / b * c;
    }

    private static int Vectors(ReadOnlySpan<float> values, out ReadOnlySpan<Vector<float>> vectors)
    {
        vectors = MemoryMarshal.Cast<float, Vector<float>>(values);
        return vectors.Length;
    }
}
