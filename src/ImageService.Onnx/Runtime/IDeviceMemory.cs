using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace ImageService.Onnx.Runtime;

/// <summary>Memory that sessions read and write without a copy, apart from what they work in themselves.</summary>
internal interface IDeviceMemory
{
    /// <summary>Content undefined. The address stays the same until it is disposed of.</summary>
    OrtValue Allocate(TensorElementType type, long[] shape);

    /// <summary>What copies each of the first to its fellow of the second, of equal type and shape, one side on the host at an address that stays.</summary>
    IDeviceCopy Copying(IReadOnlyList<OrtValue> from, IReadOnlyList<OrtValue> to);

    /// <summary>
    /// Keeps the pages of a pinned array where they are, so that the device copies from and to them directly and not by way of a buffer of its driver. For the
    /// thread that captures graphs.
    /// </summary>
    /// <returns>Lets them go; null = copies are slower and else the same.</returns>
    IDisposable? LockPages(Array pinned, long bytes);
}

/// <summary>A copy between host and device that is made again and again, while both sides live.</summary>
internal interface IDeviceCopy
{
    /// <summary>Complete on return.</summary>
    void Run();
}
