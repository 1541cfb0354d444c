using System.Text.Json;
using ImageService.Core;
using ImageService.Diffusion;
using ImageService.Diffusion.Noise;
using ImageService.Diffusion.Schedulers;

namespace ImageService.Onnx.Folder;

/// <summary>
/// A model on disk in diffusers' ONNX layout: model_index.json, tokenizer[_2]/, text_encoder[_2]/, unet/, vae_decoder/, optionally vae_encoder/, and
/// scheduler/. Reading it checks everything that can be checked without loading weights and says which family it is, from its files alone.
/// </summary>
public sealed class ModelFolder
{
    private ModelFolder(string path, ConfigFile index)
    {
        Location = path;
        var id = Path.GetFileName(path);
        var family = FamilyOf(path, index);
        UNet = UNetPart.Read(path);
        Vae = VaePart.Read(path);
        List<TextEncoderPart> encoders = [TextEncoderPart.Read(path, "", family)];
        if (family == ModelFamily.StableDiffusionXl)
            encoders.Add(TextEncoderPart.Read(path, "_2", family));
        TextEncoders = encoders;
        family = family == ModelFamily.StableDiffusion1 && IsSecondGeneration() ? ModelFamily.StableDiffusion2 : family;
        CheckTogether();
        var scheduler = ReadScheduler(path, index);
        var defaults = ModelDefaults.Read(index, Path.Combine(path, "scheduler", "scheduler_config.json"), id, family, UNet, Vae.Scale, scheduler);
        TryScheduler(scheduler, defaults);
        Info = new ModelInfo
        {
            Description = new ModelDescription
            {
                Id = id,
                Family = family,
                SizeMultiple = Vae.Scale << UNet.Halvings,
                DefaultWidth = defaults.Width,
                DefaultHeight = defaults.Height,
                DefaultSteps = defaults.Steps,
                DefaultGuidanceScale = defaults.GuidanceScale,
                DefaultGuidanceRescale = defaults.GuidanceRescale,
                DefaultScheduler = defaults.Scheduler,
                SupportsImageToImage = Vae.Encoder is not null,
                RequiresMask = UNet.Channels > Vae.LatentChannels,
                MaxClipSkip = encoders.Min(e => e.MaxClipSkip),
                ContextLength = encoders[0].Info.ContextLength,
                Hash = ModelHash.IsSmall(UNet.Graph) ? ModelHash.Compute(UNet.Graph) : "",
                CreatedAt = new DateTimeOffset(File.GetLastWriteTimeUtc(index.Path), TimeSpan.Zero),
            },
            TextEncoders = encoders.Select(e => e.Info).ToList(),
            Scheduler = scheduler,
            LatentChannels = Vae.LatentChannels,
            VaeScale = Vae.Scale,
            ScalingFactor = Vae.ScalingFactor,
            ShiftFactor = Vae.ShiftFactor,
            EncodesPosterior = Vae.Encoder is null || Vae.EncoderGivesParameters,
            UNetChannels = UNet.Channels,
            PooledSize = UNet.Pooled is null ? 0 : encoders[^1].Info.PooledSize,
            GuidanceEmbeddingSize = UNet.GuidanceSize,
            TimestepPerRow = UNet.TimestepPerRow,
            // True unless said otherwise, as in diffusers' StableDiffusionXLPipeline; the other pipelines know nothing of it.
            ForceZerosForEmptyPrompt = family == ModelFamily.StableDiffusionXl && (index.OptionalFlag("force_zeros_for_empty_prompt") ?? true),
        };
    }

    /// <summary>Full path of the folder.</summary>
    public string Location { get; }

    /// <summary>What the arithmetic needs to know of the model. The description's hash is empty for a large model until it has been loaded.</summary>
    public ModelInfo Info { get; }

    internal UNetPart UNet { get; }
    internal VaePart Vae { get; }
    internal IReadOnlyList<TextEncoderPart> TextEncoders { get; }

    /// <summary>Whether a folder means to be a model.</summary>
    public static bool LooksLikeOne(string path) => File.Exists(Path.Combine(path, "model_index.json"));

    /// <exception cref="ModelFolderException">Something is missing, broken, does not fit together or is of an unknown kind.</exception>
    public static ModelFolder Read(string path)
    {
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        return new ModelFolder(full, ConfigFile.Read(Path.Combine(full, "model_index.json")));
    }

    private static ModelFamily FamilyOf(string path, ConfigFile index)
    {
        var pipeline = index.OptionalText("_class_name") ?? throw index.Bad("_class_name", "is missing");
        var known = pipeline.Contains("StableDiffusion", StringComparison.Ordinal) || pipeline.Contains("LatentConsistency", StringComparison.Ordinal);
        if (!known || pipeline.Contains("StableDiffusion3", StringComparison.Ordinal))
            throw index.Bad("_class_name", $"must be a pipeline of Stable Diffusion 1, 2 or XL, not {pipeline}");
        return pipeline.Contains("XL", StringComparison.Ordinal) || Directory.Exists(Path.Combine(path, "text_encoder_2"))
            ? ModelFamily.StableDiffusionXl
            : ModelFamily.StableDiffusion1;
    }

    // SD 2.x has OpenCLIP's text encoder: 1024 wide, with the exact GELU.
    private bool IsSecondGeneration() => UNet.ContextSize >= 1024 || TextEncoders[0].Activation == "gelu";

    private void CheckTogether()
    {
        var width = TextEncoders.Sum(e => e.HiddenSize);
        if (UNet.ContextSize != width)
            throw UNet.Config.Bad("cross_attention_dim", $"is {UNet.ContextSize}, but the text encoders give {width} numbers a token (hidden_size)");
        if (UNet.Channels != Vae.LatentChannels && UNet.Channels != (2 * Vae.LatentChannels) + 1)
            throw UNet.Config.Bad("in_channels", $"must be {Vae.LatentChannels}, or {(2 * Vae.LatentChannels) + 1} for inpainting, not {UNet.Channels}");
        if (UNet.Channels != Vae.LatentChannels && Vae.Encoder is null)
            throw new ModelFolderException($"{Path.Combine(Location, "vae_encoder", "model.onnx")} is missing, without which an inpainting U-Net can draw nothing.");
        if (UNet.Pooled is not { } pooled)
            return;
        var size = TextEncoders[^1].Info.PooledSize;
        if (size == 0)
            throw new ModelFolderException($"{TextEncoders[^1].Graph.Path}: outputs have no text_embeds, which the U-Net needs.");
        if (pooled.Axis(1) > 0 && pooled.Axis(1) != size)
            throw new ModelFolderException($"{UNet.Graph.Path}: input {pooled} must have length {size} on axis 1, the text encoder's projection_dim.");
    }

    private static SchedulerConfig ReadScheduler(string path, ConfigFile index)
    {
        var file = ConfigFile.Read(Path.Combine(path, "scheduler", "scheduler_config.json"));
        try
        {
            var config = SchedulerConfig.Parse(file.Json);
            return config.ClassName is null ? config with { ClassName = index.ClassOf("scheduler") } : config;
        }
        catch (JsonException e)
        {
            throw new ModelFolderException($"{file.Path}: {e.Path?.TrimStart('$', '.')} cannot be read as what it must be.", e);
        }
    }

    private void TryScheduler(SchedulerConfig config, ModelDefaults defaults)
    {
        try
        {
            new SchedulerFactory(config).Create(defaults.Scheduler, defaults.Steps, 1, NoiseGenerator.Create(NoiseSource.Mt19937, 0));
        }
        catch (ArgumentException e)
        {
            throw new ModelFolderException($"{Path.Combine(Location, "scheduler", "scheduler_config.json")}: {e.Message}", e);
        }
    }
}
