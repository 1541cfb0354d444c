using System.Runtime.InteropServices;
using System.Text;
using Microsoft.ML.OnnxRuntime.Tensors;
using static ImageService.Onnx.Tests.TinyOnnx;

namespace ImageService.Onnx.Tests;

/// <summary>Stores a reference model's graph as other exporters would: the same numbers in other element types or files (field numbers of onnx.proto).</summary>
internal static class RewrittenOnnx
{
    private const int Graph = 7, Node = 1, Initializer = 5, Input = 11, Output = 12, ValueInfo = 13;

    /// <summary>Weights, inputs and outputs in float16, each behind a Cast; the arithmetic between stays float32.</summary>
    public static void StoreHalf(string path) => Rewrite(path, fields =>
    {
        Retype(fields, TensorElementType.Float, TensorElementType.Float16);
        List<byte[]> casts = [];
        for (var i = 0; i < fields.Count; i++)
        {
            if (fields[i].Number != Initializer || ParseTensor(fields[i].Content) is not { Type: TensorElementType.Float } tensor)
                continue;
            var halves = MemoryMarshal.Cast<byte, float>(tensor.Raw).ToArray().Select(v => (Half)v).ToArray();
            fields[i] = new ProtoField(Initializer, Join(tensor.Dimensions, Field(2, (int)TensorElementType.Float16), Field(8, tensor.Name + ".half"),
                Field(9, MemoryMarshal.AsBytes<Half>(halves).ToArray())));
            casts.Add(Cast(tensor.Name + ".half", tensor.Name, TensorElementType.Float));
        }
        fields.InsertRange(0, casts.Select(c => new ProtoField(Node, c)));
    });

    /// <summary>Token ids in int32.</summary>
    public static void TakeInt32(string path) => Rewrite(path, fields => Retype(fields, TensorElementType.Int64, TensorElementType.Int32));

    /// <summary>All weights in one file beside the model, each at its own offset.</summary>
    public static void StoreOutside(string path, string file)
    {
        using var weights = File.Create(Path.Combine(Path.GetDirectoryName(path)!, file));
        Rewrite(path, fields =>
        {
            for (var i = 0; i < fields.Count; i++)
            {
                if (fields[i].Number != Initializer || ParseTensor(fields[i].Content) is not { Raw.Length: > 0 } tensor)
                    continue;
                weights.Position = (weights.Length + 63) / 64 * 64;
                var place = Join(Entry("location", file), Entry("offset", $"{weights.Position}"), Entry("length", $"{tensor.Raw.Length}"));
                weights.Write(tensor.Raw);
                fields[i] = new ProtoField(Initializer, Join(tensor.Dimensions, Field(2, (int)tensor.Type), Field(8, tensor.Name), place, Field(14, 1)));
            }
        });
    }

    /// <summary>A VAE encoder that gives the mean alone, under the name that such exports have.</summary>
    public static void GiveMean(string path) => Rewrite(path, fields =>
    {
        var begin = Join(Field(1, 1), Field(2, (int)TensorElementType.Int64), Field(8, "begin"), Field(9, Int64s(0)));
        var end = Join(Field(1, 1), Field(2, (int)TensorElementType.Int64), Field(8, "end"), Field(9, Int64s(4)));
        var axis = Join(Field(1, 1), Field(2, (int)TensorElementType.Int64), Field(8, "axis"), Field(9, Int64s(1)));
        fields.RemoveAll(f => f.Number == Output);
        fields.Add(new ProtoField(Node, TinyOnnx.Node("Slice", ["latent_parameters", "begin", "end", "axis"], ["latent_sample"])));
        fields.AddRange(new[] { begin, end, axis }.Select(t => new ProtoField(Initializer, t)));
        fields.Add(new ProtoField(Output, Value("latent_sample", TensorElementType.Float, 0, 4, 0, 0)));
    });

    /// <summary>A text encoder exported without output_hidden_states.</summary>
    public static void GiveLastStateOnly(string path) => Rewrite(path, fields => fields.RemoveAll(f => f.Number == Output && Text(f.Content, 1) != "last_hidden_state"));

    // Inputs and outputs keep their names for the caller; within the graph what stands behind the Cast has another.
    private static void Retype(List<ProtoField> fields, TensorElementType from, TensorElementType to)
    {
        var renamed = new HashSet<string>();
        List<byte[]> first = [], last = [];
        fields.RemoveAll(f => f.Number == ValueInfo);
        for (var i = 0; i < fields.Count; i++)
        {
            var (number, content) = fields[i];
            if (number is not (Input or Output) || ElementType(content) != from)
                continue;
            var name = Text(content, 1);
            renamed.Add(name);
            (number == Input ? first : last).Add(number == Input ? Cast(name, name + ".inner", from) : Cast(name + ".inner", name, to));
            fields[i] = new ProtoField(number, WithElementType(content, to));
        }
        for (var i = 0; i < fields.Count; i++)
        {
            if (fields[i].Number != Node)
                continue;
            var node = Parse(fields[i].Content).Select(f => f.Number is 1 or 2 && renamed.Contains(Encoding.UTF8.GetString(f.Content))
                ? f with { Content = [.. f.Content, .. ".inner"u8] } : f);
            fields[i] = new ProtoField(Node, Write(node));
        }
        fields.InsertRange(0, first.Select(c => new ProtoField(Node, c)));
        fields.AddRange(last.Select(c => new ProtoField(Node, c)));
    }

    private static void Rewrite(string path, Action<List<ProtoField>> change)
    {
        var model = Parse(File.ReadAllBytes(path));
        var at = model.FindIndex(f => f.Number == Graph);
        var graph = Parse(model[at].Content);
        change(graph);
        model[at] = new ProtoField(Graph, Write(graph));
        File.WriteAllBytes(path, Write(model));
    }

    private static byte[] Cast(string from, string to, TensorElementType type) => TinyOnnx.Node("Cast", [from], [to], Int("to", (int)type));

    private static byte[] Entry(string key, string value) => Field(13, Join(Field(1, key), Field(2, value)));

    private static string Text(byte[] message, int number) => Encoding.UTF8.GetString(Parse(message).Find(f => f.Number == number)!.Content);

    // ValueInfoProto.type (2) . tensor_type (1) . elem_type (1)
    private static TensorElementType ElementType(byte[] value) => (TensorElementType)Inside(Inside(value, 2), 1)[1];

    private static byte[] WithElementType(byte[] value, TensorElementType type)
    {
        var tensor = Parse(Inside(Inside(value, 2), 1)).Select(f => f.Number == 1 ? ProtoField.Number1((int)type) : f);
        return Join(Field(1, Text(value, 1)), Field(2, Field(1, Write(tensor))));
    }

    private static byte[] Inside(byte[] message, int number) => Parse(message).Find(f => f.Number == number)!.Content;

    private static Tensor ParseTensor(byte[] content)
    {
        var fields = Parse(content);
        return new Tensor(
            Text(content, 8), (TensorElementType)fields.Find(f => f.Number == 2)!.Content[0], Write(fields.Where(f => f.Number == 1)),
            fields.Find(f => f.Number == 9)?.Content ?? []);
    }

    private static List<ProtoField> Parse(byte[] message)
    {
        var fields = new List<ProtoField>();
        for (var at = 0; at < message.Length;)
        {
            var key = Varint(message, ref at);
            var start = at;
            var number = (int)Varint(message, ref at);
            if ((key & 7) == 2)
                (start, at) = (at, at + number);
            else if ((key & 7) == 5)
                at = start + 4;
            fields.Add(new ProtoField((int)(key >> 3), message[start..at], (int)(key & 7)));
        }
        return fields;
    }

    private static byte[] Write(IEnumerable<ProtoField> fields)
    {
        using var stream = new MemoryStream();
        foreach (var field in fields)
            stream.Write(field.Wire == 2 ? Field(field.Number, field.Content) : [.. Key(field), .. field.Content]);
        return stream.ToArray();
    }

    // A field of the number 0 without its value.
    private static byte[] Key(ProtoField field)
    {
        var key = Field(field.Number, 0)[..^1];
        key[0] |= (byte)field.Wire;
        return key;
    }

    private static long Varint(byte[] message, ref int at)
    {
        long value = 0;
        for (var shift = 0; ; shift += 7)
        {
            var part = message[at++];
            value |= (long)(part & 127) << shift;
            if (part < 128)
                return value;
        }
    }

    private sealed record Tensor(string Name, TensorElementType Type, byte[] Dimensions, byte[] Raw);

    /// <param name="Content">What follows the key, without the length.</param>
    private sealed record ProtoField(int Number, byte[] Content, int Wire = 2)
    {
        public static ProtoField Number1(int value) => new(1, [(byte)value], 0);

        public void Deconstruct(out int number, out byte[] content) => (number, content) = (Number, Content);
    }
}
