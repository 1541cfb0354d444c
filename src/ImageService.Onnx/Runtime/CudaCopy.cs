using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;

namespace ImageService.Onnx.Runtime;

/// <summary>A copy by the CUDA driver, or by ONNX Runtime where the driver cannot be called.</summary>
internal sealed class CudaCopy : IDeviceCopy
{
    private readonly CudaDriver _driver;
    private readonly (nint From, nint To, int Bytes)[] _parts;
    private readonly bool _up;

    private CudaCopy(CudaDriver driver, (nint From, nint To, int Bytes)[] parts, bool up)
    {
        _driver = driver;
        _parts = parts;
        _up = up;
    }

    /// <param name="driver">Null = it cannot be called.</param>
    public static IDeviceCopy Of(CudaDriver? driver, IReadOnlyList<OrtValue> from, IReadOnlyList<OrtValue> to)
    {
        var up = OnHost(from[0]);
        return driver is null
            ? new TensorCopy(from, to)
            : new CudaCopy(driver, from.Zip(to, (f, t) => (Address(f), Address(t), checked((int)f.GetTensorSizeInBytes()))).ToArray(), up);
    }

    public void Run()
    {
        foreach (var (from, to, bytes) in _parts)
        {
            if (_up)
                _driver.ToDevice(from, to, bytes);
            else
                _driver.ToHost(from, to, bytes);
        }
    }

    private static bool OnHost(OrtValue value)
    {
        using var about = value.GetTensorMemoryInfo();
        return about.Name == "Cpu";
    }

    // Of device memory too: the span is never read here.
    public static unsafe nint Address(OrtValue value) => (nint)Unsafe.AsPointer(ref MemoryMarshal.GetReference(value.GetTensorMutableRawData()));

    private sealed class TensorCopy(IReadOnlyList<OrtValue> from, IReadOnlyList<OrtValue> to) : IDeviceCopy
    {
        public void Run() => OrtEnv.Instance().CopyTensors(from, to, null);
    }
}
