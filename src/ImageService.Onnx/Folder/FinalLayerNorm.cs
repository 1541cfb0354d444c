using System.Numerics.Tensors;
using ImageService.Onnx.Graph;

namespace ImageService.Onnx.Folder;

/// <summary>
/// The layer normalisation at the end of CLIP's text encoder (Ba et al. 2016). Exports give hidden states before it and only the last one after it,
/// while diffusers normalises whichever state clip_skip chooses: its weights are taken from the graph.
/// </summary>
internal sealed class FinalLayerNorm(float[] weight, float[] bias, float epsilon)
{
    /// <returns>Null if the graph does not show the weights.</returns>
    public static FinalLayerNorm? Find(OnnxGraph graph, string lastState, int width, float epsilon)
    {
        var (weightName, biasName) = FromNode(graph, lastState) ?? (ByName(graph, ".weight"), ByName(graph, ".bias"));
        if (weightName is null || biasName is null || graph.Constant(weightName) is not { } weight || graph.Constant(biasName) is not { } bias)
            return null;
        return weight.Count == width && bias.Count == width
            ? new FinalLayerNorm(OnnxGraph.ReadFloats(weight), OnnxGraph.ReadFloats(bias), epsilon)
            : null;
    }

    /// <summary>Normalises each row in place.</summary>
    public void Apply(Span<float> rows)
    {
        var width = weight.Length;
        for (var at = 0; at < rows.Length; at += width)
        {
            var row = rows.Slice(at, width);
            TensorPrimitives.Subtract(row, TensorPrimitives.Sum<float>(row) / width, row);
            var deviation = MathF.Sqrt((TensorPrimitives.SumOfSquares<float>(row) / width) + epsilon);
            TensorPrimitives.Divide(row, deviation, row);
            TensorPrimitives.MultiplyAdd<float>(row, weight, bias, row);
        }
    }

    // The node that makes the last state, behind a possible cast of a float16 export.
    private static (string?, string?)? FromNode(OnnxGraph graph, string output)
    {
        if (graph.Nodes.TryGetValue(output, out var node) && node.OpType is "Cast" or "Identity")
            graph.Nodes.TryGetValue(node.Inputs[0], out node);
        return node is { OpType: "LayerNormalization", Inputs.Count: 3 } ? (node.Inputs[1], node.Inputs[2]) : null;
    }

    // Below opset 17 the normalisation is a handful of arithmetic nodes, and only the names of its weights tell.
    private static string? ByName(OnnxGraph graph, string ending) =>
        graph.Weights.Keys.Concat(graph.Nodes.Keys).FirstOrDefault(n => n.EndsWith("final_layer_norm" + ending, StringComparison.Ordinal));
}
