using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace ImageService.Onnx;

/// <summary>
/// A float array of ours as a session's input or output, whatever element type the export chose. Float32 shares the memory; other types have a
/// buffer of their own that is converted to and from.
/// </summary>
internal sealed class BoundTensor : IDisposable
{
    private readonly Memory<float> _own;
    private readonly Array? _converted;

    /// <param name="own">Pinned memory of exactly the shape's size.</param>
    /// <param name="type">What the session wants.</param>
    public BoundTensor(Memory<float> own, TensorElementType type, params long[] shape)
    {
        _own = own;
        var memory = OrtMemoryInfo.DefaultInstance;
        switch (type)
        {
            case TensorElementType.Float:
                Value = OrtValue.CreateTensorValueFromMemory(memory, own, shape);
                break;
            case TensorElementType.Float16:
                var halves = new Float16[own.Length];
                _converted = halves;
                Value = OrtValue.CreateTensorValueFromMemory(memory, halves.AsMemory(), shape);
                break;
            case TensorElementType.Int64:
                var longs = new long[own.Length];
                _converted = longs;
                Value = OrtValue.CreateTensorValueFromMemory(memory, longs.AsMemory(), shape);
                break;
            case TensorElementType.Int32:
                var ints = new int[own.Length];
                _converted = ints;
                Value = OrtValue.CreateTensorValueFromMemory(memory, ints.AsMemory(), shape);
                break;
            default:
                throw new ModelFolderException($"A tensor of type {type} is neither float32, float16, int64 nor int32.");
        }
    }

    public OrtValue Value { get; }

    /// <summary>Before a run: our numbers, in the session's type.</summary>
    public void Upload()
    {
        switch (_converted)
        {
            case Float16[] halves:
                TensorPrimitives.ConvertToHalf(_own.Span, MemoryMarshal.Cast<Float16, Half>(halves.AsSpan()));
                break;
            // Whole timesteps: such exports were never trained on fractions, and diffusers truncates them as well.
            case long[] longs:
                TensorPrimitives.ConvertTruncating<float, long>(_own.Span, longs);
                break;
            case int[] ints:
                TensorPrimitives.ConvertTruncating<float, int>(_own.Span, ints);
                break;
        }
    }

    /// <summary>After a run: the session's numbers, as floats.</summary>
    public void Download()
    {
        if (_converted is Float16[] halves)
            TensorPrimitives.ConvertToSingle(MemoryMarshal.Cast<Float16, Half>(halves.AsSpan()), _own.Span);
    }

    public void Dispose() => Value.Dispose();
}
