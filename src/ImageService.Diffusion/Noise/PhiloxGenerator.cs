using System.Numerics;
using System.Numerics.Tensors;

namespace ImageService.Diffusion.Noise;

/// <summary>
/// CUDA's generator as A1111's "NV" mode repeats it on any machine: Philox 4x32-10 (Salmon et al. 2011), the seed as key, the number of the draw and the
/// element as counter, and the first two outputs through Box-Muller with the sine, in double.
/// </summary>
public sealed class PhiloxGenerator(long seed) : NoiseGenerator
{
    // Numbers transformed at a time: the scratch of a draw stays in the first-level cache.
    private const int Chunk = 512;

    // Float constants in the reference, widened before use.
    private const double PerStep = 2.3283064e-10f;
    private const double AnglePerStep = (float)(2.3283064e-10 * 6.2831855);

    private readonly double[] _radius = new double[Chunk];
    private readonly double[] _wave = new double[Chunk];
    private uint _draw;

    public override void Fill(Span<float> into)
    {
        for (var start = 0; start < into.Length; start += Chunk)
            Fill((uint)start, into[start..Math.Min(start + Chunk, into.Length)]);
        _draw++;
    }

    private void Fill(uint element, Span<float> into)
    {
        // Whole vectors: what lies beyond the end of a last, short chunk is not copied.
        for (var i = 0; i < into.Length; i += Vector<ulong>.Count)
        {
            var (x, y) = Philox(_draw, Vector<ulong>.Indices + new Vector<ulong>(element + (uint)i), (uint)seed, (uint)(seed >> 32));
            (Vector.ConvertToDouble(x) * PerStep + new Vector<double>(PerStep / 2)).CopyTo(_radius, i);
            (Vector.ConvertToDouble(y) * AnglePerStep + new Vector<double>(AnglePerStep / 2)).CopyTo(_wave, i);
        }
        var radius = _radius.AsSpan(0, into.Length);
        var wave = _wave.AsSpan(0, into.Length);
        TensorPrimitives.Log(radius, radius);
        TensorPrimitives.Multiply(radius, -2, radius);
        TensorPrimitives.Sqrt(radius, radius);
        TensorPrimitives.Sin(wave, wave);
        TensorPrimitives.Multiply(radius, wave, radius);
        TensorPrimitives.ConvertTruncating<double, float>(radius, into);
    }

    // Numbers of 32 bits in lanes of 64, where their products fit.
    private static (Vector<ulong> First, Vector<ulong> Second) Philox(uint draw, Vector<ulong> elements, uint keyLow, uint keyHigh)
    {
        var low = new Vector<ulong>(uint.MaxValue);
        var (c0, c1, c2, c3) = (new Vector<ulong>(draw), Vector<ulong>.Zero, elements & low, Vector<ulong>.Zero);
        for (var round = 0; round < 10; round++)
        {
            var (even, odd) = (c0 * 0xD2511F53UL, c2 * 0xCD9E8D57UL);
            (c0, c1) = ((odd >> 32) ^ c1 ^ new Vector<ulong>(keyLow), odd & low);
            (c2, c3) = ((even >> 32) ^ c3 ^ new Vector<ulong>(keyHigh), even & low);
            keyLow += 0x9E3779B9;
            keyHigh += 0xBB67AE85;
        }
        return (c0, c1);
    }

    public override void SaveState(BinaryWriter writer) => writer.Write(_draw);

    public override void RestoreState(BinaryReader reader) => _draw = reader.ReadUInt32();
}
