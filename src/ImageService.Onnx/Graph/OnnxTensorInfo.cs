using Microsoft.ML.OnnxRuntime.Tensors;

namespace ImageService.Onnx.Graph;

/// <summary>An input or output of a graph.</summary>
/// <param name="Shape">Fixed lengths; -1 where any length will do. Null = the file does not say.</param>
internal sealed record OnnxTensorInfo(string Name, TensorElementType Type, IReadOnlyList<long>? Shape)
{
    /// <summary>The length of an axis; -1 = any, or not said.</summary>
    public int Axis(int axis) => Shape is not null && axis < Shape.Count ? (int)Shape[axis] : -1;

    public bool HasRank(int rank) => Shape is null || Shape.Count == rank;

    public bool IsFloat => Type is TensorElementType.Float or TensorElementType.Float16;

    public override string ToString() => $"{Name} ({Type}{(Shape is null ? "" : $" [{string.Join(", ", Shape.Select(s => s < 0 ? "?" : $"{s}"))}]")})";
}

/// <summary>Where the numbers of a constant of the graph lie.</summary>
/// <param name="File">Path of the file; the model's own, or one of external data.</param>
internal sealed record OnnxWeight(string Name, TensorElementType Type, long Count, string File, long Offset);

/// <summary>A node that passes a constant on, or the normalisation that makes an output.</summary>
internal sealed record OnnxNode(string OpType, IReadOnlyList<string> Inputs);
