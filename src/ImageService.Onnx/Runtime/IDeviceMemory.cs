using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace ImageService.Onnx.Runtime;

/// <summary>Memory that sessions read and write without a copy, apart from what they work in themselves.</summary>
internal interface IDeviceMemory
{
    /// <summary>Content undefined. The address stays the same until it is disposed of.</summary>
    OrtValue Allocate(TensorElementType type, long[] shape);

    /// <summary>Each of the first to its fellow of the second, of equal type and shape, on either side; complete on return.</summary>
    void Copy(IReadOnlyList<OrtValue> from, IReadOnlyList<OrtValue> to);
}
