using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;

namespace ImageService.Onnx;

/// <summary>
/// What ONNX Runtime does not tell of a model file: its nodes and stored numbers (onnx.proto3: ModelProto.graph = 7, GraphProto.node = 1,
/// initializer = 5, input = 11, output = 12). Only small initializers are kept.
/// </summary>
internal sealed class OnnxGraph
{
    private const int MostKept = 65_536;
    private const int FloatType = 1;
    private const int HalfType = 10;
    private readonly Dictionary<string, Node> _producers = [];
    private readonly Dictionary<string, float[]> _initializers = [];

    private readonly List<string> _outputs = [];
    private readonly List<OnnxInput> _inputs = [];
    private readonly Dictionary<string, long> _externalFiles = [];
    private readonly HashSet<string> _weights = [];
    private readonly string _path;

    private OnnxGraph(string path) => _path = path;

    /// <summary>Names of the graph's outputs.</summary>
    public IReadOnlyList<string> Outputs => _outputs;

    /// <summary>What a caller must give: files of IR version 3 list their weights among the inputs as well.</summary>
    public IReadOnlyList<OnnxInput> Inputs => field ??= [.. _inputs.Where(i => !_weights.Contains(i.Name))];

    /// <summary>Full paths of the files that hold weights outside the model file, in order.</summary>
    public IEnumerable<string> ExternalFiles => _externalFiles.Keys.Order(StringComparer.Ordinal);

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
        var graph = new OnnxGraph(path);
        try
        {
            using var file = File.OpenRead(path);
            var input = new ProtoReader(file);
            while (input.Position < file.Length)
            {
                if (input.ReadField() == 7)
                    graph.ReadGraph(input, input.ReadEnd());
                else
                    input.Skip();
            }
        }
        catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException)
        {
            throw new ModelFolderException($"{path} is not a whole ONNX file: {e.Message}", e);
        }
        if (graph._outputs.Count == 0)
            throw new ModelFolderException($"{path} is not a whole ONNX file: it has no outputs.");
        foreach (var (file, length) in graph._externalFiles)
        {
            var found = new FileInfo(file);
            if (!found.Exists)
                throw new ModelFolderException($"{file} is missing, but {path} keeps weights in it.");
            if (found.Length < length)
                throw new ModelFolderException($"{file} has {found.Length} bytes, but {path} keeps weights in its first {length}.");
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

    private void ReadGraph(ProtoReader input, long end)
    {
        while (input.Position < end)
        {
            switch (input.ReadField())
            {
                case 1:
                    ReadNode(input, input.ReadEnd());
                    break;
                case 5:
                    ReadInitializer(input, input.ReadEnd());
                    break;
                case 11:
                    _inputs.Add(OnnxInput.Read(input, input.ReadEnd()));
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

    private void ReadInitializer(ProtoReader input, long end)
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
        _weights.Add(name);
        if (external.Count > 0)
            NoteExternal(external);
        if (count > MostKept || type is not (FloatType or HalfType))
            return;
        var width = type == FloatType ? sizeof(float) : sizeof(ushort);
        var bytes = external.Count > 0 ? ReadExternal(external, (int)count * width) : raw;
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

    private string Location(Dictionary<string, string> external)
    {
        var location = external.GetValueOrDefault("location", "");
        // The format wants a path below the model's folder; anything else could read whatever the process can.
        if (location.Length == 0 || Path.IsPathRooted(location) || location.Split('/', '\\').Contains(".."))
            throw new InvalidDataException($"external data '{location}' is no file beside it.");
        return Path.Combine(Path.GetDirectoryName(_path)!, location);
    }

    private void NoteExternal(Dictionary<string, string> external)
    {
        var file = Location(external);
        _externalFiles[file] = Math.Max(_externalFiles.GetValueOrDefault(file), Whole(external, "offset") + Whole(external, "length"));
    }

    private static long Whole(Dictionary<string, string> external, string key) => !external.TryGetValue(key, out var text) ? 0
        : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value < long.MaxValue / 2 ? value
        : throw new InvalidDataException($"{key} '{text}' of external data is no whole number.");

    // Numbers of a file that is missing or too short are of no use to anyone: the folder is refused for it after all fields are read.
    private byte[] ReadExternal(Dictionary<string, string> external, int length)
    {
        var path = Location(external);
        var offset = Whole(external, "offset");
        if (!File.Exists(path) || new FileInfo(path).Length < offset + length)
            return [];
        using var file = File.OpenRead(path);
        file.Position = offset;
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
