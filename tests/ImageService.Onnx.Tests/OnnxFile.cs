using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime.Tensors;
using static ImageService.Onnx.Tests.OnnxParts;
using static ImageService.Onnx.Tests.Proto;

namespace ImageService.Onnx.Tests;

/// <summary>Writes a model of the reference data again as another exporter would have: other element types, other places for the weights.</summary>
internal sealed class OnnxFile
{
    private readonly string _path;
    private readonly List<ProtoField> _model;
    private readonly List<byte[]> _nodes;
    private readonly List<byte[]> _constants;
    private readonly List<byte[]> _inputs;
    private readonly List<byte[]> _outputs;
    private readonly List<byte[]> _others;

    public OnnxFile(string path)
    {
        _path = path;
        _model = [.. Fields(File.ReadAllBytes(path))];
        var graph = Fields(_model.Single(f => f.Number == 7).Content).ToList();
        (_nodes, _constants, _inputs, _outputs) = (Of(1), Of(5), Of(11), Of(12));
        _others = graph.Where(f => f.Number is not (1 or 5 or 11 or 12)).Select(f => f.Raw).ToList();

        List<byte[]> Of(int number) => graph.Where(f => f.Number == number).Select(f => f.Content).ToList();
    }

    public void Save()
    {
        var graph = Join([.. _nodes.Select(n => Field(1, n)), .. _others, .. _constants.Select(c => Field(5, c)), .. _inputs.Select(i => Field(11, i)), .. _outputs.Select(o => Field(12, o))]);
        File.WriteAllBytes(_path, Join([.. _model.Where(f => f.Number != 7).Select(f => f.Raw), Field(7, graph)]));
    }

    /// <summary>Float32 weights become float16 ones with a Cast behind each.</summary>
    /// <returns>How many, and the largest error of rounding.</returns>
    public (int Count, float Error) HalveWeights()
    {
        var (count, error) = (0, 0f);
        for (var i = 0; i < _constants.Count; i++)
        {
            var fields = Fields(_constants[i]).ToList();
            if (fields.Single(f => f.Number == 2).Value != (int)TensorElementType.Float)
                continue;
            var name = fields.Single(f => f.Number == 8).Text;
            var values = MemoryMarshal.Cast<byte, float>(fields.Single(f => f.Number == 9).Content).ToArray();
            var halves = values.Select(v => (Half)v).ToArray();
            error = Math.Max(error, values.Zip(halves, (v, h) => MathF.Abs(v - (float)h)).Max());
            _constants[i] = Join([.. fields.Where(f => f.Number == 1).Select(f => f.Raw), Field(2, (int)TensorElementType.Float16), Field(8, name + ".half"),
                Field(9, MemoryMarshal.AsBytes(halves.AsSpan()).ToArray())]);
            _nodes.Insert(count++, Node("Cast", [name + ".half"], [name], Int("to", (int)TensorElementType.Float)));
        }
        return (count, error);
    }

    /// <summary>Float32 inputs and outputs become float16 ones.</summary>
    public void HalveInputsAndOutputs()
    {
        foreach (var input in _inputs.Where(i => TypeOf(i) == TensorElementType.Float).Select(NameOf).ToList())
            RetypeInput(input, TensorElementType.Float16);
        for (var i = 0; i < _outputs.Count; i++)
        {
            var name = NameOf(_outputs[i]);
            Rename(name, name + ".as_it_was");
            _nodes.Add(Node("Cast", [name + ".as_it_was"], [name], Int("to", (int)TensorElementType.Float16)));
            _outputs[i] = Retyped(_outputs[i], TensorElementType.Float16);
        }
    }

    /// <summary>An input gets another type; the graph goes on with what it had.</summary>
    public void RetypeInput(string name, TensorElementType type)
    {
        var index = _inputs.FindIndex(i => NameOf(i) == name);
        var before = TypeOf(_inputs[index]);
        Rename(name, name + ".as_it_was");
        _nodes.Insert(0, Node("Cast", [name], [name + ".as_it_was"], Int("to", (int)before)));
        _inputs[index] = Retyped(_inputs[index], type);
    }

    /// <summary>All weights go to one file beside the model, in the order of the graph, each at a multiple of 4096 bytes.</summary>
    public void MoveWeightsTo(string file)
    {
        using var data = new MemoryStream();
        for (var i = 0; i < _constants.Count; i++)
        {
            var fields = Fields(_constants[i]).ToList();
            if (fields.FirstOrDefault(f => f.Number == 9) is not { } raw)
                continue;
            data.SetLength((data.Length + 4095) / 4096 * 4096);
            data.Position = data.Length;
            _constants[i] = Join([.. fields.Where(f => f.Number != 9).Select(f => f.Raw), Entry("location", file), Entry("offset", $"{data.Position}"),
                Entry("length", $"{raw.Content.Length}"), Field(14, 1)]);
            data.Write(raw.Content);
        }
        File.WriteAllBytes(Path.Combine(Path.GetDirectoryName(_path)!, file), data.ToArray());

        static byte[] Entry(string key, string value) => Field(13, Join(Field(1, key), Field(2, value)));
    }

    /// <summary>Takes outputs away, as an export without them has it.</summary>
    public void DropOutputs(Predicate<string> which) => _outputs.RemoveAll(o => which(NameOf(o)));

    private void Rename(string from, string to)
    {
        for (var i = 0; i < _nodes.Count; i++)
            _nodes[i] = Join(Fields(_nodes[i]).Select(f => f.Number is 1 or 2 && f.Text == from ? Field(f.Number, to) : f.Raw));
    }

    private static string NameOf(byte[] value) => Fields(value).Single(f => f.Number == 1).Text;

    private static TensorElementType TypeOf(byte[] value) => (TensorElementType)Fields(TensorOf(value)).Single(f => f.Number == 1).Value;

    // ValueInfoProto { name 1, type 2 { tensor_type 1 { elem_type 1, shape 2 } } }
    private static byte[] TensorOf(byte[] value) => Fields(Fields(value).Single(f => f.Number == 2).Content).Single(f => f.Number == 1).Content;

    private static byte[] Retyped(byte[] value, TensorElementType type)
    {
        var tensor = Join([Field(1, (int)type), .. Fields(TensorOf(value)).Where(f => f.Number == 2).Select(f => f.Raw)]);
        return Join(Field(1, NameOf(value)), Field(2, Field(1, tensor)));
    }
}
