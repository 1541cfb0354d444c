using ImageService.Onnx.Graph;

namespace ImageService.Onnx.Folder;

/// <summary>The two halves of a folder's autoencoder and its configuration, checked.</summary>
internal sealed class VaePart
{
    private VaePart(OnnxGraph decoder, OnnxGraph? encoder, ConfigFile config)
    {
        LatentChannels = config.OptionalInt("latent_channels", 1, 64) ?? 4;
        Scale = 1 << (config.Count("block_out_channels") - 1);
        ScalingFactor = config.OptionalFloat("scaling_factor", 1e-6f, 1e6f) ?? 0.18215f;
        ShiftFactor = config.OptionalFloat("shift_factor", -1e6f, 1e6f) ?? 0;
        if (config.Has("latents_mean") || config.Has("latents_std"))
            throw config.Bad("latents_mean", "must be absent: latents normalised channel by channel are not supported");
        Decoder = decoder;
        DecoderInput = Only(decoder, decoder.Inputs, "input", LatentChannels, "latent_channels of its config.json");
        DecoderOutput = Only(decoder, decoder.Outputs, "output", 3, "RGB");
        Encoder = encoder;
        if (encoder is null)
            return;
        EncoderInput = Only(encoder, encoder.Inputs, "input", 3, "RGB");
        EncoderOutput = Only(encoder, encoder.Outputs, "output", 0, "the posterior or a sample of it");
        // latent_parameters holds mean and log-variance; latent_sample is the sample itself.
        EncoderGivesParameters = EncoderOutput.Axis(1) > 0 ? EncoderOutput.Axis(1) == 2 * LatentChannels : EncoderOutput.Name != "latent_sample";
        if (!EncoderGivesParameters && EncoderOutput.Axis(1) > 0 && EncoderOutput.Axis(1) != LatentChannels)
            throw new ModelFolderException($"{encoder.Path}: output {EncoderOutput} must have {2 * LatentChannels} or {LatentChannels} channels.");
    }

    public OnnxGraph Decoder { get; }
    public OnnxTensorInfo DecoderInput { get; }
    public OnnxTensorInfo DecoderOutput { get; }
    public OnnxGraph? Encoder { get; }
    public OnnxTensorInfo? EncoderInput { get; }
    public OnnxTensorInfo? EncoderOutput { get; }
    public bool EncoderGivesParameters { get; }
    public int LatentChannels { get; }

    /// <summary>Pixels a side for each latent.</summary>
    public int Scale { get; }

    public float ScalingFactor { get; }
    public float ShiftFactor { get; }

    public static VaePart Read(string folder)
    {
        var decoder = OnnxGraph.Read(Path.Combine(folder, "vae_decoder", "model.onnx"));
        var encoderPath = Path.Combine(folder, "vae_encoder", "model.onnx");
        var encoder = Directory.Exists(Path.GetDirectoryName(encoderPath)) ? OnnxGraph.Read(encoderPath) : null;
        var config = ConfigFile.ReadIfThere(Path.Combine(folder, "vae_decoder", "config.json"))
            ?? ConfigFile.ReadIfThere(Path.Combine(folder, "vae", "config.json"))
            ?? throw new ModelFolderException($"{Path.Combine(folder, "vae_decoder", "config.json")} is missing, and so is vae/config.json.");
        return new VaePart(decoder, encoder, config);
    }

    private static OnnxTensorInfo Only(OnnxGraph graph, IReadOnlyList<OnnxTensorInfo> all, string kind, int channels, string why) =>
        all is [var only] && only.IsFloat && only.HasRank(4) && (channels == 0 || only.Axis(1) < 0 || only.Axis(1) == channels) ? only
        : throw new ModelFolderException($"{graph.Path}: there must be one {kind} of float32 or float16 with four axes" +
            $"{(channels == 0 ? "" : $" and {channels} channels")} ({why}), not {string.Join(", ", all)}.");
}
