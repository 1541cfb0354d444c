using System.Numerics.Tensors;
using ImageService.Onnx.Folder;
using ImageService.Onnx.Runtime;
using Microsoft.ML.OnnxRuntime;

namespace ImageService.Onnx.Sessions;

/// <summary>The VAE decoder's session. See <see cref="Diffusion.IDiffusionModel.DecodeLatents"/>.</summary>
internal sealed class VaeDecoder(VaePart part, OrtRuntime runtime) : IDisposable
{
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
        using var results = _session.Run(_run, [part.DecoderInput.Name], [input], [part.DecoderOutput.Name]);
        GC.KeepAlive(tensor);
        var planes = new float[rgb.Length];
        HostTensor.Read(results[0], planes);
        // Half precision overflows in some decoders, and a black picture would be all that shows.
        if (!TensorPrimitives.IsFiniteAll<float>(planes))
            throw new NotFiniteNumberException("NaN or infinity stand in its output.");
        ToBytes(planes, rgb);
    }

    public void Dispose()
    {
        _run.Dispose();
        _session.Dispose();
    }

    // diffusers' VaeImageProcessor: x / 2 + 0.5, clamped to 0..1, times 255, rounded half to even; and planes to pixels.
    private static void ToBytes(float[] planes, Span<byte> rgb)
    {
        TensorPrimitives.Multiply(planes, 0.5f, planes);
        TensorPrimitives.Add(planes, 0.5f, planes);
        TensorPrimitives.Clamp(planes, 0, 1, planes);
        TensorPrimitives.Multiply(planes, 255, planes);
        TensorPrimitives.Round(planes, planes);
        var pixels = rgb.Length / 3;
        ReadOnlySpan<float> red = planes.AsSpan(0, pixels), green = planes.AsSpan(pixels, pixels), blue = planes.AsSpan(2 * pixels, pixels);
        for (var i = 0; i < pixels; i++)
        {
            rgb[3 * i] = (byte)red[i];
            rgb[(3 * i) + 1] = (byte)green[i];
            rgb[(3 * i) + 2] = (byte)blue[i];
        }
    }
}
