using System.Numerics.Tensors;
using ImageService.Onnx.Folder;
using ImageService.Onnx.Runtime;
using Microsoft.ML.OnnxRuntime;

namespace ImageService.Onnx.Sessions;

/// <summary>The VAE decoder's session. See <see cref="Diffusion.IDiffusionModel.DecodeLatents"/>.</summary>
internal sealed class VaeDecoder(VaePart part, OrtRuntime runtime) : IDisposable
{
    private const int Piece = 2048; // numbers

    private readonly InferenceSession _session = runtime.Open(part.Decoder.Path);
    private readonly RunOptions _run = runtime.ReleasingRun();

    public void Decode(int height, int width, ReadOnlySpan<float> latents, Span<byte> rgb)
    {
        var scaled = new float[latents.Length];
        TensorPrimitives.Divide(latents, part.ScalingFactor, scaled);
        TensorPrimitives.Add(scaled, part.ShiftFactor, scaled);
        var tensor = HostTensor.Allocate(part.DecoderInput.Type, scaled.Length);
        tensor.Write(scaled);
        using var input = tensor.View(0, [1, part.LatentChannels, height, width]);
        using var results = runtime.Run(_session, _run, part.DecoderInput.Name, input, [part.DecoderOutput.Name]);
        GC.KeepAlive(tensor);
        // Half precision overflows in some decoders, and a black picture would be all that shows.
        if (!ToBytes(results[0], rgb))
            throw new NotFiniteNumberException("NaN or infinity stand in its output.");
    }

    public void Dispose()
    {
        _run.Dispose();
        _session.Dispose();
    }

    // diffusers' VaeImageProcessor: x / 2 + 0.5, clamped to 0..1, times 255, rounded half to even; and planes to pixels. Piece by piece, so that what is
    // worked on stays in the processor's cache.
    private static bool ToBytes(OrtValue planes, Span<byte> rgb)
    {
        Span<float> piece = stackalloc float[Piece];
        var pixels = rgb.Length / 3;
        for (var start = 0; start < rgb.Length;)
        {
            var (plane, first) = Math.DivRem(start, pixels);
            var values = piece[..Math.Min(Piece, pixels - first)];
            HostTensor.Read(planes, values, start);
            if (!TensorPrimitives.IsFiniteAll<float>(values))
                return false;
            TensorPrimitives.Multiply(values, 0.5f, values);
            TensorPrimitives.Add(values, 0.5f, values);
            TensorPrimitives.Clamp(values, 0, 1, values);
            TensorPrimitives.Multiply(values, 255, values);
            TensorPrimitives.Round(values, values);
            var target = rgb[((3 * first) + plane)..];
            for (var i = 0; i < values.Length; i++)
                target[3 * i] = (byte)values[i];
            start += values.Length;
        }
        return true;
    }
}
