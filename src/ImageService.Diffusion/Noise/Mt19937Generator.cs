using System.Numerics.Tensors;

namespace ImageService.Diffusion.Noise;

/// <summary>
/// torch's CPU generator (<c>torch.Generator("cpu").manual_seed(seed)</c>, <c>torch.randn</c>): the Mersenne Twister MT19937 (Matsumoto and Nishimura
/// 1998) seeded with the low 32 bits, and Box-Muller as torch arranges it: draws of 16 and more in float blocks of 16, smaller ones pair by pair in double.
/// </summary>
public sealed class Mt19937Generator : NoiseGenerator
{
    private const int Block = 16;
    private const int Half = Block / 2;

    // Numbers transformed at a time: the scratch of a draw stays in the first-level cache.
    private const int Chunk = 512;

    private readonly MersenneTwister _twister;
    private readonly float[] _radius = new float[Chunk];
    private readonly float[] _angle = new float[Chunk];
    private readonly float[] _wave = new float[Chunk];
    private double _secondOfPair;
    private bool _hasSecondOfPair;

    /// <param name="seed">Any; torch uses its low 32 bits.</param>
    public Mt19937Generator(long seed) => _twister = new MersenneTwister((uint)seed);

    public override void Fill(Span<float> into)
    {
        if (into.Length < Block)
        {
            FillPairs(into);
            return;
        }
        foreach (ref var value in into)
            value = Uniform();
        var whole = into.Length / Block * Block;
        for (var start = 0; start < whole; start += 2 * Chunk)
            Transform(into[start..Math.Min(start + 2 * Chunk, whole)]);
        if (whole == into.Length)
            return;
        // The rest shares the last 16 numbers with its neighbours: they are drawn and transformed again.
        var last = into[^Block..];
        foreach (ref var value in last)
            value = Uniform();
        Transform(last);
    }

    private float Uniform() => (_twister.Next() & 0xFFFFFF) * (1f / (1 << 24));

    // Element j of a block and element j + 8 become a pair.
    private void Transform(Span<float> uniforms)
    {
        var count = uniforms.Length / 2;
        var radius = _radius.AsSpan(0, count);
        var angle = _angle.AsSpan(0, count);
        var wave = _wave.AsSpan(0, count);
        for (var (from, to) = (0, 0); from < uniforms.Length; from += Block, to += Half)
        {
            uniforms.Slice(from, Half).CopyTo(radius[to..]);
            uniforms.Slice(from + Half, Half).CopyTo(angle[to..]);
        }
        TensorPrimitives.Subtract(1, radius, radius);
        TensorPrimitives.Log(radius, radius);
        TensorPrimitives.Multiply(radius, -2, radius);
        TensorPrimitives.Sqrt(radius, radius);
        TensorPrimitives.Multiply(angle, 2 * MathF.PI, angle);
        TensorPrimitives.Cos(angle, wave);
        TensorPrimitives.Multiply(wave, radius, wave);
        TensorPrimitives.Sin(angle, angle);
        TensorPrimitives.Multiply(angle, radius, angle);
        for (var (from, to) = (0, 0); to < uniforms.Length; from += Half, to += Block)
        {
            wave.Slice(from, Half).CopyTo(uniforms[to..]);
            angle.Slice(from, Half).CopyTo(uniforms[(to + Half)..]);
        }
    }

    // The second number of a pair waits for the next small draw, as in torch.
    private void FillPairs(Span<float> into)
    {
        foreach (ref var value in into)
        {
            if (_hasSecondOfPair)
            {
                value = (float)_secondOfPair;
                _hasSecondOfPair = false;
                continue;
            }
            var (first, second) = (UniformDouble(), UniformDouble());
            var radius = Math.Sqrt(-2 * Math.Log(1 - second));
            value = (float)(radius * Math.Cos(2 * Math.PI * first));
            (_secondOfPair, _hasSecondOfPair) = (radius * Math.Sin(2 * Math.PI * first), true);
        }
    }

    private double UniformDouble()
    {
        var bits = (ulong)_twister.Next() << 32 | _twister.Next();
        return (bits & ((1UL << 53) - 1)) * (1.0 / (1UL << 53));
    }

    public override void SaveState(BinaryWriter writer)
    {
        _twister.Save(writer);
        writer.Write(_hasSecondOfPair);
        writer.Write(_secondOfPair);
    }

    public override void RestoreState(BinaryReader reader)
    {
        _twister.Restore(reader);
        _hasSecondOfPair = reader.ReadBoolean();
        _secondOfPair = reader.ReadDouble();
    }
}
