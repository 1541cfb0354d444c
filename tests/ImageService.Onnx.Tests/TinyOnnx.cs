using System.Text;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace ImageService.Onnx.Tests;

/// <summary>
/// Writes an ONNX file by hand (field numbers of onnx.proto), for exports that no reference model has: a U-Net whose output is
/// sample + timestep + mean of the context, each row for itself.
/// </summary>
internal static class TinyOnnx
{
    /// <summary>Bytes of the one weight, which may lie in a file of its own.</summary>
    public static byte[] One(TensorElementType type) => type == TensorElementType.Float16 ? BitConverter.GetBytes((Half)1) : BitConverter.GetBytes(1f);

    public static void WriteUNet(string path, TensorElementType type, TensorElementType timestepType, int fixedRows = 0, bool scalarTimestep = false,
        string? extraInput = null, string? externalFile = null)
    {
        List<byte[]> nodes =
        [
            Node("Cast", ["timestep"], ["t"], Int("to", (int)type)),
            Node("Reshape", ["t", "column"], ["t4"]),
            Node("ReduceMean", ["encoder_hidden_states"], ["mean"], Ints("axes", 1, 2)),
            Node("Reshape", ["mean", "column"], ["mean4"]),
            Node("Mul", ["sample", "one"], ["scaled"]),
            Node("Add", ["scaled", "t4"], ["moved"]),
            Node("Add", ["moved", "mean4"], ["out_sample"]),
        ];
        var column = Join(Field(1, 4), Field(2, (int)TensorElementType.Int64), Field(8, "column"), Field(9, Int64s(-1, 1, 1, 1)));
        var content = externalFile is null ? Field(9, One(type)) : Join(Field(13, Join(Field(1, "location"), Field(2, externalFile))), Field(14, 1));
        var one = Join(Field(1, 1), Field(2, (int)type), Field(8, "one"), content);
        List<byte[]> inputs =
        [
            Value("sample", type, fixedRows, 4, 0, 0),
            scalarTimestep ? Value("timestep", timestepType) : Value("timestep", timestepType, fixedRows),
            Value("encoder_hidden_states", type, fixedRows, 0, 32),
        ];
        if (extraInput is not null)
            inputs.Add(Value(extraInput, type, fixedRows, 0));
        var graph = Join([.. nodes.Select(n => Field(1, n)), Field(2, "tiny"), Field(5, column), Field(5, one), .. inputs.Select(i => Field(11, i)),
            Field(12, Value("out_sample", type, fixedRows, 4, 0, 0))]);
        File.WriteAllBytes(path, Join(Field(1, 8), Field(7, graph), Field(8, Join(Field(1, ""), Field(2, 17)))));
    }

    internal static byte[] Node(string op, string[] inputs, string[] outputs, params byte[][] attributes) =>
        Join([.. inputs.Select(i => Field(1, i)), .. outputs.Select(o => Field(2, o)), Field(4, op), .. attributes.Select(a => Field(5, a))]);

    internal static byte[] Int(string name, int value) => Join(Field(1, name), Field(3, value), Field(20, 2));

    /// <summary>A U-Net that predicts its sample plus its guidance embedding, laid out as 4 x 8 x 8: 256 numbers that a test can read back.</summary>
    public static void WriteGuidedUNet(string path, TensorElementType type)
    {
        var picture = Join(Field(1, 4), Field(2, (int)TensorElementType.Int64), Field(8, "picture"), Field(9, Int64s(-1, 4, 8, 8)));
        var graph = Join(
            Field(1, Node("Reshape", ["timestep_cond", "picture"], ["guidance"])), Field(1, Node("Add", ["sample", "guidance"], ["out_sample"])),
            Field(2, "guided"), Field(5, picture), Field(11, Value("sample", type, 0, 4, 0, 0)), Field(11, Value("timestep", type, 0)),
            Field(11, Value("encoder_hidden_states", type, 0, 0, 32)), Field(11, Value("timestep_cond", type, 0, 256)),
            Field(12, Value("out_sample", type, 0, 4, 0, 0)));
        File.WriteAllBytes(path, Join(Field(1, 8), Field(7, graph), Field(8, Join(Field(1, ""), Field(2, 17)))));
    }

    private static byte[] Ints(string name, params int[] values) => Join([Field(1, name), .. values.Select(v => Field(8, v)), Field(20, 7)]);

    // A length of 0 is any.
    internal static byte[] Value(string name, TensorElementType type, params int[] shape)
    {
        var dimensions = shape.Select((d, i) => Field(1, d > 0 ? Field(1, d) : Field(2, $"{name}{i}")));
        return Join(Field(1, name), Field(2, Field(1, Join(Field(1, (int)type), Field(2, Join([.. dimensions]))))));
    }

    internal static byte[] Int64s(params long[] values) => values.SelectMany(BitConverter.GetBytes).ToArray();

    internal static byte[] Field(int number, int value) => [.. Varint(number << 3), .. Varint(value)];

    internal static byte[] Field(int number, string text) => Field(number, Encoding.UTF8.GetBytes(text));

    internal static byte[] Field(int number, byte[] content) => [.. Varint((number << 3) | 2), .. Varint(content.Length), .. content];

    internal static byte[] Join(params byte[][] parts) => parts.SelectMany(p => p).ToArray();

    private static IEnumerable<byte> Varint(int value)
    {
        for (; value > 127; value >>= 7)
            yield return (byte)(value | 128);
        yield return (byte)value;
    }
}
