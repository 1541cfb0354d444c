using System.Globalization;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace ImageService.Onnx.Graph;

/// <summary>Reads what <see cref="OnnxGraph"/> keeps; the field numbers are those of onnx.proto.</summary>
internal sealed class OnnxGraphReader
{
    private const long ExternalLocation = 1;

    private readonly string _path;
    private readonly ProtoReader _proto;
    private readonly List<OnnxTensorInfo> _inputs = [];
    private readonly List<OnnxTensorInfo> _outputs = [];
    private readonly HashSet<string> _initializers = [];
    private readonly SortedDictionary<string, long> _external = new(StringComparer.Ordinal);
    private readonly Dictionary<string, OnnxWeight> _weights = [];
    private readonly Dictionary<string, OnnxNode> _nodes = [];

    private OnnxGraphReader(string path, Stream stream)
    {
        _path = path;
        _proto = new ProtoReader(stream);
    }

    public static OnnxGraph Read(string path)
    {
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16);
            return new OnnxGraphReader(path, stream).Read();
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new ModelFolderException($"{path} is missing.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException or OverflowException)
        {
            throw new ModelFolderException($"{path} is not an ONNX model: {e.Message}.", e);
        }
    }

    private OnnxGraph Read()
    {
        var graphs = 0;
        while (_proto.NextField(_proto.Length) is var field and > 0)
        {
            if (field == 7)
            {
                graphs++;
                ReadGraph(_proto.Enter());
            }
            else
            {
                _proto.Skip();
            }
        }
        if (graphs != 1)
            throw new InvalidDataException("it holds no graph");
        CheckExternalFiles();
        return new OnnxGraph
        {
            Path = _path,
            Inputs = _inputs.Where(i => !_initializers.Contains(i.Name)).ToList(),
            Outputs = _outputs,
            ExternalFiles = _external.Keys.Select(PathOf).ToList(),
            Weights = _weights,
            Nodes = _nodes,
        };
    }

    private void ReadGraph(long end)
    {
        while (_proto.NextField(end) is var field and > 0)
        {
            switch (field)
            {
                case 1:
                    ReadNode(_proto.Enter());
                    break;
                case 5:
                    ReadInitializer(_proto.Enter());
                    break;
                case 11:
                    _inputs.Add(ReadValueInfo(_proto.Enter()));
                    break;
                case 12:
                    _outputs.Add(ReadValueInfo(_proto.Enter()));
                    break;
                default:
                    _proto.Skip();
                    break;
            }
        }
    }

    private void ReadNode(long end)
    {
        List<string> inputs = [], outputs = [];
        var opType = "";
        while (_proto.NextField(end) is var field and > 0)
        {
            if (field == 1)
                inputs.Add(_proto.Text());
            else if (field == 2)
                outputs.Add(_proto.Text());
            else if (field == 4)
                opType = _proto.Text();
            else
                _proto.Skip();
        }
        if (opType is "Identity" or "Cast" or "LayerNormalization" && inputs.Count > 0 && outputs.Count > 0)
            _nodes[outputs[0]] = new OnnxNode(opType, inputs);
    }

    private void ReadInitializer(long end)
    {
        var dimensions = new List<long>();
        var external = new Dictionary<string, string>();
        var (name, type, offset, location) = ("", TensorElementType.DataTypeMax, -1L, 0L);
        while (_proto.NextField(end) is var field and > 0)
        {
            switch (field)
            {
                case 1:
                    _proto.Varints(dimensions);
                    break;
                case 2:
                    type = (TensorElementType)_proto.Varint();
                    break;
                case 8:
                    name = _proto.Text();
                    break;
                case 4 or 9: // float_data, packed, and raw_data have the same bytes
                    var after = _proto.Enter();
                    offset = _proto.Position;
                    _proto.SkipTo(after);
                    break;
                case 13:
                    ReadEntry(_proto.Enter(), external);
                    break;
                case 14:
                    location = _proto.Varint();
                    break;
                default:
                    _proto.Skip();
                    break;
            }
        }
        _initializers.Add(name);
        var file = _path;
        if (location == ExternalLocation)
        {
            var relative = external.GetValueOrDefault("location", "");
            if (relative.Length == 0)
                throw new InvalidDataException($"external data of {name} has no location");
            // The format wants files beside the model; a model from elsewhere must not point at others of this machine.
            if (Path.IsPathRooted(relative) || relative.Split('/', '\\').Contains(".."))
                throw new InvalidDataException($"external data of {name} lies outside the folder, at {relative}");
            file = PathOf(relative);
            offset = Whole(external, "offset");
            _external[relative] = Math.Max(_external.GetValueOrDefault(relative), checked(offset + Length(external, type, dimensions)));
        }
        if (offset >= 0 && type is TensorElementType.Float or TensorElementType.Float16)
            _weights[name] = new OnnxWeight(name, type, dimensions.Aggregate(1L, (a, b) => a * b), file, offset);
    }

    private static long Whole(Dictionary<string, string> external, string key) =>
        long.TryParse(external.GetValueOrDefault(key, "0"), NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value
        : throw new InvalidDataException($"{key} of external data is no whole number");

    // The length may be left out; then the shape tells it.
    private static long Length(Dictionary<string, string> external, TensorElementType type, List<long> dimensions)
    {
        if (external.ContainsKey("length"))
            return Whole(external, "length");
        var width = type switch
        {
            TensorElementType.Float or TensorElementType.Int32 => 4,
            TensorElementType.Float16 => 2,
            TensorElementType.Int64 => 8,
            _ => 1,
        };
        return dimensions.Aggregate((long)width, (a, b) => checked(a * b));
    }

    // Before anything is read from them, be it a hash or a normalisation's weights.
    private void CheckExternalFiles()
    {
        foreach (var (relative, length) in _external)
        {
            var file = new FileInfo(PathOf(relative));
            if (!file.Exists)
                throw new ModelFolderException($"{file.FullName} is missing, which {Path.GetFileName(_path)} names for its weights.");
            if (file.Length < length)
                throw new ModelFolderException($"{file.FullName} has {file.Length} bytes, but {Path.GetFileName(_path)} names {length} of them for its weights.");
        }
    }

    private void ReadEntry(long end, Dictionary<string, string> into)
    {
        var (key, value) = ("", "");
        while (_proto.NextField(end) is var field and > 0)
        {
            if (field == 1)
                key = _proto.Text();
            else if (field == 2)
                value = _proto.Text();
            else
                _proto.Skip();
        }
        into[key] = value;
    }

    // ValueInfoProto { name 1, type 2 { tensor_type 1 { elem_type 1, shape 2 { dim 1 { dim_value 1, dim_param 2 } } } } }
    private OnnxTensorInfo ReadValueInfo(long end)
    {
        var name = "";
        var type = TensorElementType.DataTypeMax;
        List<long>? shape = null;
        while (_proto.NextField(end) is var field and > 0)
        {
            if (field == 1)
                name = _proto.Text();
            else if (field == 2)
                (type, shape) = ReadType(_proto.Enter());
            else
                _proto.Skip();
        }
        return new OnnxTensorInfo(name, type, shape);
    }

    private (TensorElementType, List<long>?) ReadType(long end)
    {
        var type = TensorElementType.DataTypeMax;
        List<long>? shape = null;
        while (_proto.NextField(end) is var kind and > 0)
        {
            if (kind != 1)
            {
                _proto.Skip();
                continue;
            }
            for (var tensorEnd = _proto.Enter(); _proto.NextField(tensorEnd) is var field and > 0;)
            {
                if (field == 1)
                    type = (TensorElementType)_proto.Varint();
                else if (field == 2)
                    shape = ReadShape(_proto.Enter());
                else
                    _proto.Skip();
            }
        }
        return (type, shape);
    }

    private List<long> ReadShape(long end)
    {
        var shape = new List<long>();
        while (_proto.NextField(end) is var field and > 0)
        {
            if (field != 1)
            {
                _proto.Skip();
                continue;
            }
            var length = -1L;
            for (var dimensionEnd = _proto.Enter(); _proto.NextField(dimensionEnd) is var part and > 0;)
            {
                if (part == 1)
                    length = _proto.Varint();
                else
                    _proto.Skip();
            }
            // Some exporters write 0 for "any".
            shape.Add(length > 0 ? length : -1);
        }
        return shape;
    }

    private string PathOf(string relative) => Path.Combine(Path.GetDirectoryName(_path)!, relative);
}
