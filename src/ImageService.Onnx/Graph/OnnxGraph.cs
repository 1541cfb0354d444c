using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace ImageService.Onnx.Graph;

/// <summary>What a model.onnx says about itself without its weights being loaded: inputs, outputs, external files, and where single constants lie.</summary>
internal sealed class OnnxGraph
{
    public required string Path { get; init; }

    /// <summary>What a caller must give; constants that older exports list among the inputs are left out.</summary>
    public required IReadOnlyList<OnnxTensorInfo> Inputs { get; init; }

    public required IReadOnlyList<OnnxTensorInfo> Outputs { get; init; }

    /// <summary>Paths of the files of external data, in order of name.</summary>
    public required IReadOnlyList<string> ExternalFiles { get; init; }

    public required IReadOnlyDictionary<string, OnnxWeight> Weights { get; init; }

    /// <summary>By the name of the output: the nodes that <see cref="OnnxGraphReader"/> keeps.</summary>
    public required IReadOnlyDictionary<string, OnnxNode> Nodes { get; init; }

    /// <exception cref="ModelFolderException">The file is missing or is no ONNX model.</exception>
    public static OnnxGraph Read(string path) => OnnxGraphReader.Read(path);

    public OnnxTensorInfo? Input(string name) => Inputs.FirstOrDefault(i => i.Name == name);

    public OnnxTensorInfo? Output(string name) => Outputs.FirstOrDefault(o => o.Name == name);

    /// <summary>The constant behind a name, through the nodes that copy or convert it; null if it is not one.</summary>
    public OnnxWeight? Constant(string name)
    {
        for (var hops = 0; hops < 8; hops++)
        {
            if (Weights.TryGetValue(name, out var weight))
                return weight;
            if (!Nodes.TryGetValue(name, out var node) || node.OpType is not ("Identity" or "Cast"))
                return null;
            name = node.Inputs[0];
        }
        return null;
    }

    /// <summary>Reads a constant of float32 or float16.</summary>
    public static float[] ReadFloats(OnnxWeight weight)
    {
        using var stream = File.OpenRead(weight.File);
        stream.Position = weight.Offset;
        var values = new float[weight.Count];
        if (weight.Type == TensorElementType.Float)
        {
            stream.ReadExactly(MemoryMarshal.AsBytes(values.AsSpan()));
            return values;
        }
        var halves = new Half[weight.Count];
        stream.ReadExactly(MemoryMarshal.AsBytes(halves.AsSpan()));
        TensorPrimitives.ConvertToSingle(halves, values);
        return values;
    }
}
