using System.Runtime.InteropServices;

namespace ImageService.Diffusion.Noise;

/// <summary>MT19937 (Matsumoto and Nishimura 1998): 32 random bits a call, period 2^19937 - 1.</summary>
internal sealed class MersenneTwister
{
    private const int Size = 624;
    private const int Shift = 397;

    private readonly uint[] _state = new uint[Size];
    private int _next = Size;

    public MersenneTwister(uint seed)
    {
        _state[0] = seed;
        for (var i = 1; i < Size; i++)
            _state[i] = 1812433253 * (_state[i - 1] ^ _state[i - 1] >> 30) + (uint)i;
    }

    public uint Next()
    {
        if (_next == Size)
            Twist();
        var y = _state[_next++];
        y ^= y >> 11;
        y ^= y << 7 & 0x9D2C5680;
        y ^= y << 15 & 0xEFC60000;
        return y ^ y >> 18;
    }

    private void Twist()
    {
        for (var i = 0; i < Size; i++)
        {
            var y = _state[i] & 0x80000000 | _state[i == Size - 1 ? 0 : i + 1] & 0x7FFFFFFF;
            _state[i] = _state[i < Size - Shift ? i + Shift : i + Shift - Size] ^ y >> 1 ^ (y & 1) * 0x9908B0DF;
        }
        _next = 0;
    }

    public void Save(BinaryWriter writer)
    {
        writer.Write(_next);
        writer.Write(MemoryMarshal.AsBytes(_state.AsSpan()));
    }

    public void Restore(BinaryReader reader)
    {
        _next = reader.ReadInt32();
        reader.BaseStream.ReadExactly(MemoryMarshal.AsBytes(_state.AsSpan()));
    }
}
