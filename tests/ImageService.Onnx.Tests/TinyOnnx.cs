using Microsoft.ML.OnnxRuntime.Tensors;
using static ImageService.Onnx.Tests.OnnxParts;
using static ImageService.Onnx.Tests.Proto;

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
        Write(path, nodes, [Shape("column", -1, 1, 1, 1), one], inputs, Value("out_sample", type, fixedRows, 4, 0, 0));
    }

    /// <summary>A U-Net whose output is its guidance embedding of 256 numbers, laid out as latents of 8 x 8.</summary>
    public static void WriteGuidanceEcho(string path, TensorElementType type)
    {
        byte[][] inputs =
        [
            Value("sample", type, 0, 4, 8, 8), Value("timestep", TensorElementType.Float, 0), Value("encoder_hidden_states", type, 0, 0, 32), Value("timestep_cond", type, 0, 256),
        ];
        Write(path, [Node("Reshape", ["timestep_cond", "picture"], ["out_sample"])], [Shape("picture", -1, 4, 8, 8)], inputs, Value("out_sample", type, 0, 4, 8, 8));
    }

    /// <summary>A U-Net with an operator of <c>src/ImageService.Kernels</c> in it, which no runtime knows by itself.</summary>
    public static void WriteKernelUser(string path)
    {
        byte[][] inputs = [Value("sample", TensorElementType.Float16, 0, 4, 0, 0), Value("timestep", TensorElementType.Float, 0), Value("encoder_hidden_states", TensorElementType.Float16, 0, 0, 32)];
        var kernel = Join(Node("GatedGelu", ["sample", "sample"], ["out_sample"]), Field(7, "imageservice"));
        Write(path, [kernel], [], inputs, Value("out_sample", TensorElementType.Float16, 0, 4, 0, 0));
    }

    /// <summary>
    /// A VAE encoder of scale 8: the mean of the latents is the mean colour of 8 x 8 pixels in three channels and their average in the fourth.
    /// With <paramref name="moments"/> the output is latent_parameters, the logarithm of the variance being the mean again.
    /// </summary>
    public static void WriteVaeEncoder(string path, TensorElementType type, bool moments)
    {
        var name = moments ? "latent_parameters" : "latent_sample";
        List<byte[]> nodes =
        [
            Node("AveragePool", ["sample"], ["colour"], Ints("kernel_shape", 8, 8), Ints("strides", 8, 8)),
            Node("ReduceMean", ["colour"], ["gray"], Ints("axes", 1)),
            Node("Concat", moments ? ["colour", "gray", "colour", "gray"] : ["colour", "gray"], [name], Int("axis", 1)),
        ];
        Write(path, nodes, [], [Value("sample", type, 0, 3, 0, 0)], Value(name, type, 0, moments ? 8 : 4, 0, 0));
    }

    private static void Write(string path, IEnumerable<byte[]> nodes, IEnumerable<byte[]> constants, IEnumerable<byte[]> inputs, byte[] output)
    {
        var graph = Join([.. nodes.Select(n => Field(1, n)), Field(2, "tiny"), .. constants.Select(c => Field(5, c)), .. inputs.Select(i => Field(11, i)), Field(12, output)]);
        File.WriteAllBytes(path, Join(Field(1, 8), Field(7, graph), Field(8, Join(Field(1, ""), Field(2, 17))), Field(8, Join(Field(1, "imageservice"), Field(2, 1)))));
    }

    private static byte[] Shape(string name, params long[] values) =>
        Join(Field(1, values.Length), Field(2, (int)TensorElementType.Int64), Field(8, name), Field(9, Int64s(values)));

    // A length of 0 is any.
    private static byte[] Value(string name, TensorElementType type, params int[] shape)
    {
        var dimensions = shape.Select((d, i) => Field(1, d > 0 ? Field(1, d) : Field(2, $"{name}{i}")));
        return Join(Field(1, name), Field(2, Field(1, Join(Field(1, (int)type), Field(2, Join([.. dimensions]))))));
    }

    private static byte[] Int64s(params long[] values) => values.SelectMany(BitConverter.GetBytes).ToArray();
}
