using System.Numerics.Tensors;
using ImageService.Onnx.Folder;
using ImageService.Onnx.Runtime;
using Microsoft.ML.OnnxRuntime;

namespace ImageService.Onnx.Sessions;

/// <summary>The VAE encoder's session. See <see cref="Diffusion.IDiffusionModel.EncodeImage"/>.</summary>
internal sealed class VaeEncoder(VaePart part, OrtRuntime runtime) : IDisposable
{
    private readonly InferenceSession _session = runtime.Open(part.Encoder!.Path);
    private readonly RunOptions _run = runtime.ReleasingRun();

    public void Encode(int height, int width, ReadOnlySpan<float> image, Span<float> mean, Span<float> deviation)
    {
        var tensor = HostTensor.Allocate(part.EncoderInput!.Type, image.Length);
        tensor.Write(image);
        using var input = tensor.View(0, [1, 3, height, width]);
        using var results = runtime.Run(_session, _run, part.EncoderInput.Name, input, [part.EncoderOutput!.Name]);
        GC.KeepAlive(tensor);
        if (!part.EncoderGivesParameters)
        {
            HostTensor.Read(results[0], mean);
            deviation.Clear();
            return;
        }
        var parameters = new float[mean.Length + deviation.Length];
        HostTensor.Read(results[0], parameters);
        parameters.AsSpan(0, mean.Length).CopyTo(mean);
        // diffusers' DiagonalGaussianDistribution: the second half is the logarithm of the variance, kept in -30..20.
        TensorPrimitives.Clamp(parameters.AsSpan(mean.Length), -30, 20, deviation);
        TensorPrimitives.Multiply(deviation, 0.5f, deviation);
        TensorPrimitives.Exp(deviation, deviation);
    }

    public void Dispose()
    {
        _run.Dispose();
        _session.Dispose();
    }
}
