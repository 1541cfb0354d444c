using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace ImageService.Onnx;

/// <summary>
/// What ONNX Runtime does not tell of a model file: its nodes and stored numbers (onnx.proto3: ModelProto.graph = 7, GraphProto.node = 1,
/// initializer = 5, output = 12). Only small initializers are kept.
/// </summary>
internal sealed class OnnxGraph
{
    private const int MostKept = 65_536;
    private const int FloatType = 1;
    private const int HalfType = 10;
    private readonly Dictionary<string, Node> _producers = [];
    private readonly Dictionary<string, float[]> _initializers = [];

    private readonly List<string> _outputs = [];

    private OnnxGraph()
    {
    }

    /// <summary>Names of the graph's outputs.</summary>
    public IReadOnlyList<string> Outputs => _outputs;

    private sealed record Node(string Type, IReadOnlyList<string> Inputs);

    /// <summary>Scale and bias of the layer normalization that gives an output; null if another operator gives it.</summary>
    public (float[] Scale, float[] Bias)? NormalizationBefore(string output)
    {
        if (!_producers.TryGetValue(output, out var node))
            return null;
        if (node.Type == "LayerNormalization" && node.Inputs.Count == 3)
            return Pair(node.Inputs[1], node.Inputs[2]);
        // Before opset 17 it is written out; its last operators are Mul by the scale and Add of the bias.
        if (node.Type == "Add" && node.Inputs.Count == 2)
        {
            foreach (var (product, bias) in new[] { (node.Inputs[0], node.Inputs[1]), (node.Inputs[1], node.Inputs[0]) })
            {
                if (_producers.TryGetValue(product, out var mul) && mul.Type == "Mul" && (Pair(mul.Inputs[1], bias) ?? Pair(mul.Inputs[0], bias)) is { } pair)
                    return pair;
            }
        }
        return null;
    }

    public static OnnxGraph Read(string path)
    {
        var graph = new OnnxGraph();
        try
        {
            using var file = File.OpenRead(path);
            var input = new ProtoReader(file);
            while (input.Position < file.Length)
            {
                if (input.ReadField() == 7)
                    graph.ReadGraph(input, input.ReadEnd(), Path.GetDirectoryName(path)!);
                else
                    input.Skip();
            }
        }
        catch (Exception e) when (e is IOException or InvalidDataException)
        {
            throw new ModelFolderException($"{path} is not a whole ONNX file: {e.Message}", e);
        }
        return graph;
    }

    private (float[], float[])? Pair(string scale, string bias) =>
        Number(scale) is { } s && Number(bias) is { } b && s.Length == b.Length ? (s, b) : null;

    private float[]? Number(string name)
    {
        // Exporters give equal initializers one copy and the others an Identity node; float16 storage adds a Cast.
        while (_producers.TryGetValue(name, out var node) && node.Type is "Identity" or "Cast")
            name = node.Inputs[0];
        return _initializers.GetValueOrDefault(name);
    }

    private void ReadGraph(ProtoReader input, long end, string folder)
    {
        while (input.Position < end)
        {
            switch (input.ReadField())
            {
                case 1:
                    ReadNode(input, input.ReadEnd());
                    break;
                case 5:
                    ReadInitializer(input, input.ReadEnd(), folder);
                    break;
                case 12:
                    ReadOutput(input, input.ReadEnd());
                    break;
                default:
                    input.Skip();
                    break;
            }
        }
    }

    private void ReadNode(ProtoReader input, long end)
    {
        var inputs = new List<string>();
        var outputs = new List<string>();
        var type = "";
        while (input.Position < end)
        {
            switch (input.ReadField())
            {
                case 1:
                    inputs.Add(input.ReadString());
                    break;
                case 2:
                    outputs.Add(input.ReadString());
                    break;
                case 4:
                    type = input.ReadString();
                    break;
                default:
                    input.Skip();
                    break;
            }
        }
        foreach (var output in outputs)
            _producers[output] = new Node(type, inputs);
    }

    private void ReadOutput(ProtoReader input, long end)
    {
        while (input.Position < end)
        {
            if (input.ReadField() == 1)
                _outputs.Add(input.ReadString());
            else
                input.Skip();
        }
    }

    private void ReadInitializer(ProtoReader input, long end, string folder)
    {
        var (name, type, count) = ("", 0, 1L);
        byte[] raw = [];
        float[] floats = [];
        var external = new Dictionary<string, string>();
        while (input.Position < end)
        {
            switch (input.ReadField())
            {
                case 1:
                    for (var stop = input.IsPacked ? input.ReadEnd() : input.Position + 1; input.Position < stop;)
                        count *= input.ReadVarint();
                    break;
                case 2:
                    type = (int)input.ReadVarint();
                    break;
                case 4 when count <= MostKept && input.IsPacked:
                    floats = MemoryMarshal.Cast<byte, float>(input.ReadBytes()).ToArray();
                    break;
                case 8:
                    name = input.ReadString();
                    break;
                case 9 when count <= MostKept:
                    raw = input.ReadBytes();
                    break;
                case 13:
                    ReadEntry(input, input.ReadEnd(), external);
                    break;
                default:
                    input.Skip();
                    break;
            }
        }
        if (count > MostKept || type is not (FloatType or HalfType))
            return;
        var width = type == FloatType ? sizeof(float) : sizeof(ushort);
        var bytes = external.Count > 0 ? ReadExternal(folder, external, (int)count * width) : raw;
        _initializers[name] = floats.Length > 0 ? floats : Floats(bytes, type);
    }

    private static void ReadEntry(ProtoReader input, long end, Dictionary<string, string> into)
    {
        var (key, value) = ("", "");
        while (input.Position < end)
        {
            if (input.ReadField() == 1)
                key = input.ReadString();
            else
                value = input.ReadString();
        }
        into[key] = value;
    }

    private static byte[] ReadExternal(string folder, Dictionary<string, string> external, int length)
    {
        using var file = File.OpenRead(Path.Combine(folder, external["location"]));
        file.Position = external.TryGetValue("offset", out var offset) ? long.Parse(offset) : 0;
        var bytes = new byte[length];
        file.ReadExactly(bytes);
        return bytes;
    }

    private static float[] Floats(byte[] bytes, int type)
    {
        if (type == FloatType)
            return MemoryMarshal.Cast<byte, float>(bytes).ToArray();
        var numbers = new float[bytes.Length / sizeof(ushort)];
        for (var i = 0; i < numbers.Length; i++)
            numbers[i] = (float)BinaryPrimitives.ReadHalfLittleEndian(bytes.AsSpan(i * sizeof(ushort)));
        return numbers;
    }
}
