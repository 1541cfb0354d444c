using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using ImageService.Onnx.Runtime;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace ImageService.Onnx.Sessions;

/// <summary>
/// A buffer that the native side can see, in the element type a model wants: either a caller's pinned float32 array as it is, or memory of its own
/// into which floats are converted.
/// </summary>
internal sealed class HostTensor
{
    private readonly Array _memory;
    private readonly TensorElementType _type;

    private HostTensor(Array memory, TensorElementType type)
    {
        _memory = memory;
        _type = type;
    }

    // Of an element, in bytes.
    private int Size => _memory switch { float[] or int[] => 4, Half[] => 2, _ => 8 };

    /// <summary>Float32 memory of the caller, pinned for as long as it lives. What is in it is what the model sees.</summary>
    public static HostTensor Over(float[] pinned) => new(pinned, TensorElementType.Float);

    /// <summary>New memory, all zeros.</summary>
    public static HostTensor Allocate(TensorElementType type, int length) => new(type switch
    {
        TensorElementType.Float => GC.AllocateArray<float>(length, pinned: true),
        TensorElementType.Float16 => GC.AllocateArray<Half>(length, pinned: true),
        TensorElementType.Int64 => GC.AllocateArray<long>(length, pinned: true),
        TensorElementType.Int32 => GC.AllocateArray<int>(length, pinned: true),
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "Models take float32, float16, int64 and int32."),
    }, type);

    /// <summary>See <see cref="IDeviceMemory.LockPages"/>.</summary>
    public IDisposable? LockPages(IDeviceMemory memory) => memory.LockPages(_memory, (long)_memory.Length * Size);

    /// <summary>Converts, from an element on: to float16 by rounding to nearest, to whole numbers by cutting the fraction off, as torch's <c>to</c> does.</summary>
    public void Write(ReadOnlySpan<float> values, int start = 0)
    {
        switch (_memory)
        {
            case float[] floats:
                values.CopyTo(floats.AsSpan(start));
                break;
            case Half[] halves:
                TensorPrimitives.ConvertToHalf(values, halves.AsSpan(start));
                break;
            case long[] longs:
                for (var i = 0; i < values.Length; i++)
                    longs[start + i] = (long)values[i];
                break;
            case int[] ints:
                for (var i = 0; i < values.Length; i++)
                    ints[start + i] = (int)values[i];
                break;
        }
    }

    public void Write(ReadOnlySpan<int> values)
    {
        for (var i = 0; i < values.Length; i++)
        {
            if (_memory is long[] longs)
                longs[i] = values[i];
            else
                ((int[])_memory)[i] = values[i];
        }
    }

    /// <summary>Numbers from an element on, as float32.</summary>
    public void Read(Span<float> into, int start = 0)
    {
        if (_memory is float[] floats)
            floats.AsSpan(start, into.Length).CopyTo(into);
        else
            TensorPrimitives.ConvertToSingle(((Half[])_memory).AsSpan(start, into.Length), into);
    }

    /// <summary>What the native side sees from an element on; valid while this object lives.</summary>
    public OrtValue View(int start, long[] shape)
    {
        var count = 1L;
        foreach (var length in shape)
            count *= length;
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start + count, _memory.Length, nameof(shape));
        return OrtValue.CreateTensorValueWithData(OrtMemoryInfo.DefaultInstance, _type, shape, Marshal.UnsafeAddrOfPinnedArrayElement(_memory, start), count * Size);
    }

    /// <summary>Reads a float tensor that a session made, from an element on.</summary>
    public static void Read(OrtValue value, Span<float> into, int start = 0)
    {
        if (value.GetTensorTypeAndShape().ElementDataType == TensorElementType.Float)
            value.GetTensorDataAsSpan<float>().Slice(start, into.Length).CopyTo(into);
        else
            TensorPrimitives.ConvertToSingle(MemoryMarshal.Cast<byte, Half>(value.GetTensorMutableRawData()).Slice(start, into.Length), into);
    }
}
