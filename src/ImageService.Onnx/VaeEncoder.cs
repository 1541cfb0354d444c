using System.Numerics.Tensors;

namespace ImageService.Onnx;

/// <summary>A picture to the posterior over its latents: <c>vae_encoder/model.onnx</c>.</summary>
internal sealed class VaeEncoder : IDisposable
{
    public static readonly string[] Outputs = ["latent_parameters", "latent_sample"];
    private readonly SessionModel _model;
    private readonly string _output;
    private readonly bool _givesPosterior;

    public VaeEncoder(OnnxRuntimeHost runtime, string path)
    {
        _model = new SessionModel(runtime, path);
        _model.RefuseOtherInputs("sample");
        _output = _model.OutputNamed(Outputs);
        _givesPosterior = _output == "latent_parameters";
    }

    /// <summary>Fills mean and standard deviation; an export that draws its own sample gives that, with deviation 0.</summary>
    public void Encode(int height, int width, float[] image, int scale, Span<float> mean, Span<float> deviation)
    {
        var channels = mean.Length * scale * scale / (height * width);
        var parameters = new float[mean.Length * (_givesPosterior ? 2 : 1)];
        using var binding = new Binding(_model)
            .In("sample", image, conditioning: false, 1, 3, height, width)
            .Out(_output, parameters, 1, channels * (_givesPosterior ? 2 : 1), height / scale, width / scale);
        binding.Run();
        parameters.AsSpan(0, mean.Length).CopyTo(mean);
        if (!_givesPosterior)
        {
            deviation.Clear();
            return;
        }
        // diffusers' DiagonalGaussianDistribution: log variance clamped to -30..20.
        TensorPrimitives.Clamp(parameters.AsSpan(mean.Length), -30f, 20f, deviation);
        TensorPrimitives.Multiply(deviation, 0.5f, deviation);
        TensorPrimitives.Exp(deviation, deviation);
    }

    public void Dispose() => _model.Dispose();
}
