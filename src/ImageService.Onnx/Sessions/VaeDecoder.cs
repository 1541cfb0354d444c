using System.Numerics.Tensors;
using ImageService.Onnx.Folder;
using ImageService.Onnx.Runtime;
using Microsoft.ML.OnnxRuntime;

namespace ImageService.Onnx.Sessions;

/// <summary>The VAE decoder's session. See <see cref="Diffusion.IDiffusionModel.DecodeLatents"/>.</summary>
internal sealed class VaeDecoder(VaePart part, OrtRuntime runtime) : IDisposable
{
    private readonly InferenceSession _session = runtime.Open(part.Decoder.Path);
    private readonly RunOptions _run = OrtRuntime.ReleasingRun();

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
        var pixels = rgb.Length / 3;
        for (var channel = 0; channel < 3; channel++)
        {
            var plane = planes.AsSpan(channel * pixels, pixels);
            for (var i = 0; i < plane.Length; i++)
                rgb[(3 * i) + channel] = (byte)MathF.Round(Math.Clamp((plane[i] * 0.5f) + 0.5f, 0, 1) * 255);
        }
    }
}
