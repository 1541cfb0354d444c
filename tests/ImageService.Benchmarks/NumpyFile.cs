using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;

namespace ImageService.Benchmarks;

/// <summary>A tensor in NumPy's file format (NEP 1), versions 1 to 3, row-major and little-endian.</summary>
internal sealed partial class NumpyFile
{
    private static readonly byte[] Magic = [0x93, .. "NUMPY"u8];
    private readonly byte[] _raw;

    private NumpyFile(string type, long[] shape, byte[] raw) => (Type, Shape, _raw) = (type, shape, raw);

    /// <summary>As NumPy writes it: <c>&lt;f4</c> is float32.</summary>
    public string Type { get; }

    public long[] Shape { get; }

    public static NumpyFile Of<T>(string type, long[] shape, ReadOnlySpan<T> values) where T : unmanaged =>
        new(type, shape, MemoryMarshal.AsBytes(values).ToArray());

    public T[] Values<T>() where T : unmanaged => MemoryMarshal.Cast<byte, T>(_raw).ToArray();

    /// <exception cref="InvalidDataException">Not such a file.</exception>
    public static NumpyFile Read(string path)
    {
        var all = File.ReadAllBytes(path);
        if (all.Length < 12 || !all.AsSpan().StartsWith(Magic))
            throw new InvalidDataException($"{path} is not a NumPy file.");
        var start = all[6] == 1 ? 10 : 12;
        var length = all[6] == 1 ? BinaryPrimitives.ReadUInt16LittleEndian(all.AsSpan(8)) : BinaryPrimitives.ReadInt32LittleEndian(all.AsSpan(8));
        if (length < 0 || start + length > all.Length)
            throw new InvalidDataException($"{path} is cut short.");
        var header = Header().Match(Encoding.UTF8.GetString(all, start, length));
        if (!header.Success)
            throw new InvalidDataException($"{path} has a header that cannot be read; arrays must be row-major.");
        var shape = header.Groups["shape"].Value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Select(n => long.Parse(n, CultureInfo.InvariantCulture)).ToArray();
        var raw = all[(start + length)..];
        var bytes = shape.Aggregate(1L, (a, b) => a * b) * (header.Groups["type"].Value[^1] - '0');
        return raw.LongLength == bytes
            ? new NumpyFile(header.Groups["type"].Value, shape, raw)
            : throw new InvalidDataException($"{path} holds {raw.LongLength} bytes where its shape needs {bytes}.");
    }

    public void Write(string path)
    {
        var shape = string.Concat(Shape.Select(n => string.Create(CultureInfo.InvariantCulture, $"{n},")));
        var header = $"{{'descr': '{Type}', 'fortran_order': False, 'shape': ({shape}), }}";
        header = header.PadRight(((header.Length + 11 + 63) / 64 * 64) - 11) + '\n';
        using var file = File.Create(path);
        file.Write([.. Magic, 1, 0, (byte)header.Length, (byte)(header.Length >> 8), .. Encoding.Latin1.GetBytes(header)]);
        file.Write(_raw);
    }

    [GeneratedRegex(@"'descr': '(?<type>[<|][a-z]\d)', 'fortran_order': False, 'shape': \((?<shape>[\d, ]*)\)")]
    private static partial Regex Header();
}
