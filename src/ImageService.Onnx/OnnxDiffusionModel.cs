using System.Numerics.Tensors;
using ImageService.Core;
using ImageService.Diffusion;
using ImageService.Diffusion.Denoise;

namespace ImageService.Onnx;

/// <summary>A model folder's sessions behind the one seam to the device.</summary>
internal sealed class OnnxDiffusionModel : IDiffusionModel
{
    private readonly TextEncoder[] _textEncoders;
    private readonly UNet _unet;
    private readonly VaeDecoder _vaeDecoder;
    private readonly VaeEncoder? _vaeEncoder;

    /// <exception cref="ModelFolderException">A graph does not fit the folder's configuration.</exception>
    public OnnxDiffusionModel(OnnxRuntimeHost runtime, ModelFolder folder)
    {
        var xl = folder.Description.Family == ModelFamily.StableDiffusionXl;
        var opened = new List<IDisposable>();
        try
        {
            _unet = Open(() => new UNet(runtime, folder.UNet));
            var files = folder.TextEncoders;
            _textEncoders = [.. files.Select((f, i) => Open(() =>
                new TextEncoder(runtime, f, folder.Description.ContextLength, xl, pooled: _unet.PooledSize > 0 && i == files.Count - 1)))];
            _vaeDecoder = Open(() => new VaeDecoder(runtime, folder.VaeDecoder));
            _vaeEncoder = folder.Description.SupportsImageToImage ? Open(() => new VaeEncoder(runtime, folder.VaeEncoder)) : null;
            Info = Describe(folder);
        }
        catch
        {
            opened.ForEach(o => o.Dispose());
            throw;
        }

        T Open<T>(Func<T> open) where T : IDisposable
        {
            var part = open();
            opened.Add(part);
            return part;
        }
    }

    public ModelInfo Info { get; }

    public void EncodeTokens(int encoder, ReadOnlySpan<int> tokens, int? clipSkip, Span<float> hidden, Span<float> pooled) =>
        _textEncoders[encoder].Encode(tokens, clipSkip, hidden, pooled);

    public void PredictNoise(UNetBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        _unet.Predict(batch);
    }

    public void DecodeLatents(int height, int width, ReadOnlySpan<float> latents, Span<byte> rgb)
    {
        var unscaled = new float[latents.Length];
        TensorPrimitives.Divide(latents, Info.ScalingFactor, unscaled);
        if (Info.ShiftFactor != 0)
            TensorPrimitives.Add(unscaled, Info.ShiftFactor, unscaled);
        _vaeDecoder.Decode(height, width, Info.VaeScale, unscaled, rgb);
    }

    public void EncodeImage(int height, int width, ReadOnlySpan<float> image, Span<float> mean, Span<float> deviation)
    {
        if (_vaeEncoder is null)
            throw new ArgumentException($"image: the model '{Info.Description.Id}' has no vae_encoder, so it draws from text only.", nameof(image));
        _vaeEncoder.Encode(height, width, image.ToArray(), Info.VaeScale, mean, deviation);
    }

    public void Dispose()
    {
        _unet.Dispose();
        foreach (var encoder in _textEncoders)
            encoder.Dispose();
        _vaeDecoder.Dispose();
        _vaeEncoder?.Dispose();
    }

    private ModelInfo Describe(ModelFolder folder)
    {
        var context = _textEncoders.Sum(e => e.HiddenSize);
        if (context != _unet.ContextSize)
            throw new ModelFolderException($"{folder.UNet}: 'encoder_hidden_states' takes {_unet.ContextSize} numbers a token, but the text encoders give {context}.");
        if (_unet.PooledSize > 0)
        {
            var pooled = _textEncoders[^1].PooledSize;
            if (pooled != _unet.PooledSize)
                throw new ModelFolderException($"{folder.UNet}: 'text_embeds' takes {_unet.PooledSize} numbers, but the text encoder gives {pooled}.");
        }
        if (_unet.Channels != folder.UNetChannels)
            throw new ModelFolderException($"{folder.UNet}: 'sample' has {_unet.Channels} channels, but the configuration says {folder.UNetChannels}.");
        if (_vaeDecoder.Channels != folder.LatentChannels)
            throw new ModelFolderException($"{folder.VaeDecoder}: 'latent_sample' has {_vaeDecoder.Channels} channels, but the configuration says {folder.LatentChannels}.");
        return new ModelInfo
        {
            Description = folder.WithHash(),
            TextEncoders = [.. folder.TextEncoders.Select((f, i) => new TextEncoderInfo(
                folder.Tokenizers[i], folder.Description.ContextLength, _textEncoders[i].HiddenSize, _textEncoders[i].PooledSize))],
            Scheduler = folder.Scheduler,
            LatentChannels = folder.LatentChannels,
            VaeScale = folder.VaeScale,
            ScalingFactor = folder.ScalingFactor,
            ShiftFactor = folder.ShiftFactor,
            UNetChannels = _unet.Channels,
            PooledSize = _unet.PooledSize,
            GuidanceEmbeddingSize = _unet.GuidanceEmbeddingSize,
            TimestepPerRow = _unet.TimestepPerRow,
            ForceZerosForEmptyPrompt = folder.ForceZerosForEmptyPrompt,
        };
    }
}
