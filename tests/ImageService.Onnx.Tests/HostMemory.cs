using ImageService.Onnx.Runtime;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace ImageService.Onnx.Tests;

/// <summary>Device memory played by the host's: buffers of their own beside the batch's, and every copy counted.</summary>
internal sealed class HostMemory : IDeviceMemory
{
    public int Allocated { get; private set; }

    public List<int> Copies { get; } = [];

    public OrtValue Allocate(TensorElementType type, long[] shape)
    {
        Allocated++;
        return OrtValue.CreateAllocatedTensorValue(OrtAllocator.DefaultInstance, type, shape);
    }

    public void Copy(IReadOnlyList<OrtValue> from, IReadOnlyList<OrtValue> to)
    {
        Copies.Add(from.Count);
        Assert.Equal(from.Count, to.Count);
        foreach (var (source, target) in from.Zip(to))
        {
            var (about, wanted) = (source.GetTensorTypeAndShape(), target.GetTensorTypeAndShape());
            Assert.Equal((about.ElementDataType, string.Join('x', about.Shape)), (wanted.ElementDataType, string.Join('x', wanted.Shape)));
            source.GetTensorMutableRawData().CopyTo(target.GetTensorMutableRawData());
        }
    }
}
