using System.Runtime.InteropServices;

namespace ImageService.Diffusion.Schedulers;

/// <summary>Buffers of known length in a saved state, bit for bit.</summary>
internal static class LatentState
{
    public static void Write(BinaryWriter writer, ReadOnlySpan<float> values) => writer.Write(MemoryMarshal.AsBytes(values));

    public static void Read(BinaryReader reader, Span<float> values) => reader.BaseStream.ReadExactly(MemoryMarshal.AsBytes(values));
}
