using System.Numerics.Tensors;

namespace ImageService.Onnx;

/// <summary>Latents to a picture: <c>vae_decoder/model.onnx</c>.</summary>
internal sealed class VaeDecoder : IDisposable
{
    private readonly SessionModel _model;
    private readonly string _output;

    public VaeDecoder(OnnxRuntimeHost runtime, string path)
    {
        _model = new SessionModel(runtime, path);
        _model.RefuseOtherInputs("latent_sample");
        Channels = _model.Axis(_model.Input("latent_sample"), "latent_sample", 1);
        _output = _model.OutputNamed("sample");
    }

    public int Channels { get; }

    /// <param name="latents">[Channels, height, width], not scaled any more.</param>
    /// <param name="rgb">[height * scale, width * scale, 3].</param>
    /// <exception cref="ArithmeticException">The picture is not finite.</exception>
    public void Decode(int height, int width, int scale, float[] latents, Span<byte> rgb)
    {
        var (rows, columns) = (height * scale, width * scale);
        var picture = new float[3 * rows * columns];
        using var binding = new Binding(_model)
            .In("latent_sample", latents, conditioning: false, 1, Channels, height, width)
            .Out(_output, picture, 1, 3, rows, columns);
        binding.Run();
        if (!TensorPrimitives.IsFiniteAll<float>(picture))
            throw new ArithmeticException("The decoder's output holds NaN or infinity.");
        // diffusers' VaeImageProcessor: x / 2 + 0.5, clamped, times 255, rounded half to even.
        TensorPrimitives.Multiply(picture, 0.5f, picture);
        TensorPrimitives.Add(picture, 0.5f, picture);
        TensorPrimitives.Clamp<float>(picture, 0, 1, picture);
        TensorPrimitives.Multiply(picture, 255f, picture);
        TensorPrimitives.Round(picture, picture);
        var plane = rows * columns;
        for (var i = 0; i < plane; i++)
        {
            rgb[3 * i] = (byte)picture[i];
            rgb[(3 * i) + 1] = (byte)picture[plane + i];
            rgb[(3 * i) + 2] = (byte)picture[(2 * plane) + i];
        }
    }

    public void Dispose() => _model.Dispose();
}
