using ImageService.Diffusion;
using ImageService.Diffusion.Denoise;
using ImageService.Onnx.Folder;
using ImageService.Onnx.Runtime;
using ImageService.Onnx.Sessions;
using Microsoft.ML.OnnxRuntime;

namespace ImageService.Onnx;

/// <summary>A model folder, loaded.</summary>
internal sealed class OnnxDiffusionModel : IDiffusionModel
{
    private readonly List<TextEncoder> _textEncoders = [];
    private readonly UNet _unet;
    private readonly VaeDecoder _decoder;
    private readonly VaeEncoder? _encoder;

    private OnnxDiffusionModel(ModelFolder folder, OrtRuntime runtime)
    {
        var hash = folder.Info.Description.Hash.Length > 0
            ? Task.FromResult(folder.Info.Description.Hash)
            : Task.Run(() => ModelHash.Compute(folder.UNet.Graph));
        DecodesBeside = !runtime.OnCpu;
        try
        {
            _unet = new UNet(folder.UNet, runtime);
            foreach (var part in folder.TextEncoders)
                _textEncoders.Add(new TextEncoder(part, runtime));
            _decoder = new VaeDecoder(folder.Vae, runtime);
            _encoder = folder.Vae.Encoder is null ? null : new VaeEncoder(folder.Vae, runtime);
            Info = folder.Info with { Description = folder.Info.Description with { Hash = hash.GetAwaiter().GetResult() } };
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public ModelInfo Info { get; }

    public bool DecodesBeside { get; }

    /// <exception cref="ModelFolderException">A model file cannot be run.</exception>
    public static OnnxDiffusionModel Load(ModelFolder folder, OrtRuntime runtime) => new(folder, runtime);

    public void EncodeTokens(int encoder, ReadOnlySpan<int> tokens, int? clipSkip, Span<float> hidden, Span<float> pooled)
    {
        var info = Info.TextEncoders[encoder];
        CheckLength(tokens.Length, info.ContextLength, nameof(tokens));
        CheckLength(hidden.Length, info.ContextLength * info.HiddenSize, nameof(hidden));
        if (!pooled.IsEmpty)
            CheckLength(pooled.Length, info.PooledSize, nameof(pooled));
        try
        {
            _textEncoders[encoder].Encode(tokens, clipSkip, hidden, pooled);
        }
        catch (OnnxRuntimeException e) when (DeviceErrors.Translate(e) is { } known)
        {
            throw known;
        }
    }

    public void PredictNoise(UNetBatch batch)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batch.Rows, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(batch.Rows, batch.Capacity);
        try
        {
            _unet.Predict(batch);
        }
        catch (OnnxRuntimeException e) when (DeviceErrors.Translate(e) is { } known)
        {
            throw known;
        }
    }

    public void DecodeLatents(int height, int width, ReadOnlySpan<float> latents, Span<byte> rgb)
    {
        CheckLength(latents.Length, Info.LatentChannels * height * width, nameof(latents));
        CheckLength(rgb.Length, 3 * height * width * Info.VaeScale * Info.VaeScale, nameof(rgb));
        try
        {
            _decoder.Decode(height, width, latents, rgb);
        }
        catch (OnnxRuntimeException e) when (DeviceErrors.Translate(e) is { } known)
        {
            throw known;
        }
    }

    public void EncodeImage(int height, int width, ReadOnlySpan<float> image, Span<float> mean, Span<float> deviation)
    {
        if (_encoder is null)
            throw new ArgumentException("image: this model has no VAE encoder and draws from text only.");
        var latents = Info.LatentChannels * (height / Info.VaeScale) * (width / Info.VaeScale);
        CheckLength(image.Length, 3 * height * width, nameof(image));
        CheckLength(mean.Length, latents, nameof(mean));
        CheckLength(deviation.Length, latents, nameof(deviation));
        try
        {
            _encoder.Encode(height, width, image, mean, deviation);
        }
        catch (OnnxRuntimeException e) when (DeviceErrors.Translate(e) is { } known)
        {
            throw known;
        }
    }

    public void Dispose()
    {
        foreach (var encoder in _textEncoders)
            encoder.Dispose();
        _unet?.Dispose();
        _decoder?.Dispose();
        _encoder?.Dispose();
    }

    private static void CheckLength(int length, int wanted, string name)
    {
        if (length != wanted)
            throw new ArgumentException($"{name} must have {wanted} elements, not {length}.", name);
    }
}
