using ImageService.Onnx.Runtime;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace ImageService.Onnx.Tests;

/// <summary>Device memory played by the host's: buffers of their own beside the batch's, and every copy counted.</summary>
internal sealed class HostMemory : IDeviceMemory
{
    public int Allocated { get; private set; }

    public List<int> Copies { get; } = [];

    /// <summary>Bytes of the arrays whose pages are held.</summary>
    public List<long> Locked { get; } = [];

    public OrtValue Allocate(TensorElementType type, long[] shape)
    {
        Allocated++;
        return OrtValue.CreateAllocatedTensorValue(OrtAllocator.DefaultInstance, type, shape);
    }

    public IDeviceCopy Copying(IReadOnlyList<OrtValue> from, IReadOnlyList<OrtValue> to)
    {
        Assert.Equal(from.Count, to.Count);
        foreach (var (source, target) in from.Zip(to))
        {
            var (about, wanted) = (source.GetTensorTypeAndShape(), target.GetTensorTypeAndShape());
            Assert.Equal((about.ElementDataType, string.Join('x', about.Shape)), (wanted.ElementDataType, string.Join('x', wanted.Shape)));
        }
        return new HostCopy(this, from, to);
    }

    public IDisposable? LockPages(Array pinned, long bytes)
    {
        Locked.Add(bytes);
        return new Held(() => Locked.Remove(bytes));
    }

    private sealed class Held(Action letGo) : IDisposable
    {
        public void Dispose() => letGo();
    }

    private sealed class HostCopy(HostMemory memory, IReadOnlyList<OrtValue> from, IReadOnlyList<OrtValue> to) : IDeviceCopy
    {
        public void Run()
        {
            memory.Copies.Add(from.Count);
            foreach (var (source, target) in from.Zip(to))
                source.GetTensorMutableRawData().CopyTo(target.GetTensorMutableRawData());
        }
    }
}
