using System.Security.Cryptography;
using System.Text.Json;
using ImageService.Core;
using ImageService.Diffusion.Schedulers;

namespace ImageService.Onnx;

/// <summary>
/// A model in diffusers' ONNX layout, as its configuration files tell it; no weights are loaded. The same facts are checked against the sessions
/// when the model is loaded.
/// </summary>
internal sealed record ModelFolder
{
    private const long MostHashedAtOnce = 256 << 20;
    private const int MaxSide = 8192;

    public required string Path { get; init; }
    public required ModelDescription Description { get; init; }
    public required SchedulerConfig Scheduler { get; init; }
    public required int LatentChannels { get; init; }
    public required int VaeScale { get; init; }
    public required float ScalingFactor { get; init; }
    public required float ShiftFactor { get; init; }
    public required bool ForceZerosForEmptyPrompt { get; init; }

    public string UNet => File("unet/model.onnx");
    public string VaeDecoder => File("vae_decoder/model.onnx");
    public string VaeEncoder => File("vae_encoder/model.onnx");

    /// <summary>Text encoder and tokenizer folders; two for SDXL.</summary>
    public IReadOnlyList<(string Encoder, string Tokenizer)> TextEncoders => Description.Family == ModelFamily.StableDiffusionXl
        ? [(File("text_encoder/model.onnx"), File("tokenizer")), (File("text_encoder_2/model.onnx"), File("tokenizer_2"))]
        : [(File("text_encoder/model.onnx"), File("tokenizer"))];

    /// <exception cref="ModelFolderException">Something is missing or wrong; one sentence names the file and the field.</exception>
    public static ModelFolder Read(string path)
    {
        string Full(string file) => System.IO.Path.Combine(path, file);
        var index = JsonFile.Read(Full("model_index.json"));
        var pipeline = index.String("_class_name") ?? throw new ModelFolderException($"{index.Path} lacks '_class_name', the name of diffusers' pipeline.");
        if (!pipeline.Contains("StableDiffusion", StringComparison.Ordinal) && !pipeline.Contains("LatentConsistencyModel", StringComparison.Ordinal))
            throw new ModelFolderException($"{index.Path}: '_class_name' is {pipeline}, but only Stable Diffusion pipelines can be drawn with.");
        var xl = pipeline.Contains("XL", StringComparison.Ordinal);
        string[] needed = xl ? ["unet/model.onnx", "vae_decoder/model.onnx", "text_encoder/model.onnx", "text_encoder_2/model.onnx"]
            : ["unet/model.onnx", "vae_decoder/model.onnx", "text_encoder/model.onnx"];
        foreach (var file in needed.Select(Full))
        {
            if (!System.IO.File.Exists(file))
                throw new ModelFolderException($"{file} is missing.");
        }
        var unet = JsonFile.Read(Full("unet/config.json"));
        var vae = JsonFile.Read(System.IO.File.Exists(Full("vae_decoder/config.json")) ? Full("vae_decoder/config.json") : Full("vae/config.json"));
        var text = JsonFile.Read(Full("text_encoder/config.json"));
        var scheduler = ReadScheduler(JsonFile.Read(Full("scheduler/scheduler_config.json")));

        var vaeScale = 1 << ((vae.Count("block_out_channels") ?? 4) - 1);
        var channels = unet.RequiredInteger("in_channels", 1, 64);
        var latentChannels = vae.Integer("latent_channels", 1, 64) ?? 4;
        if (channels != latentChannels && channels != (2 * latentChannels) + 1)
            throw new ModelFolderException($"{unet.Path}: 'in_channels' must be {latentChannels}, or {(2 * latentChannels) + 1} for inpainting, not {channels}.");
        var hiddenStates = OnnxGraph.Read(Full("text_encoder/model.onnx")).Outputs.Count(o => o.StartsWith("hidden_states.", StringComparison.Ordinal));
        var family = xl ? ModelFamily.StableDiffusionXl
            : unet.Integer("cross_attention_dim", 1, 65_536) == 1024 || text.String("hidden_act") == "gelu" ? ModelFamily.StableDiffusion2
            : ModelFamily.StableDiffusion1;
        var multiple = vaeScale << ((unet.Count("block_out_channels") ?? 4) - 1);
        var defaults = ModelDefaults.Read(index, unet, scheduler, family, vaeScale, multiple, MaxSide);
        return new ModelFolder
        {
            Path = path,
            Scheduler = scheduler,
            LatentChannels = latentChannels,
            VaeScale = vaeScale,
            ScalingFactor = vae.Number("scaling_factor", 1e-6f, 1e6f) ?? 0.18215f,
            ShiftFactor = vae.Number("shift_factor", -1e6f, 1e6f) ?? 0,
            ForceZerosForEmptyPrompt = xl && (index.Boolean("force_zeros_for_empty_prompt") ?? true),
            Description = new ModelDescription
            {
                Id = new DirectoryInfo(path).Name,
                Family = family,
                SizeMultiple = multiple,
                DefaultWidth = defaults.Width,
                DefaultHeight = defaults.Height,
                DefaultSteps = defaults.Steps,
                DefaultGuidanceScale = defaults.GuidanceScale,
                DefaultGuidanceRescale = defaults.GuidanceRescale,
                DefaultScheduler = defaults.Scheduler,
                SupportsImageToImage = System.IO.File.Exists(Full("vae_encoder/model.onnx")),
                RequiresMask = channels != latentChannels,
                MaxClipSkip = TextEncoder.SkippableLayers(hiddenStates, xl),
                ContextLength = text.RequiredInteger("max_position_embeddings", 3, 4096),
                Hash = new FileInfo(Full("unet/model.onnx")).Length <= MostHashedAtOnce ? HashOf(Full("unet/model.onnx")) : "",
                CreatedAt = new DateTimeOffset(System.IO.File.GetLastWriteTimeUtc(index.Path), TimeSpan.Zero),
            },
        };
    }

    /// <summary>With the digest of a U-Net file that was too large to read at start.</summary>
    public ModelDescription WithHash() => Description.Hash.Length > 0 ? Description : Description with { Hash = HashOf(UNet) };

    private string File(string name) => System.IO.Path.Combine(Path, name);

    private static SchedulerConfig ReadScheduler(JsonFile file)
    {
        try
        {
            return SchedulerConfig.Parse(file.Text);
        }
        catch (JsonException e)
        {
            throw new ModelFolderException($"{file.Path}: '{e.Path?.TrimStart('$', '.')}' has a value of the wrong kind.", e);
        }
    }

    private static string HashOf(string file)
    {
        using var content = System.IO.File.OpenRead(file);
        return Convert.ToHexStringLower(SHA256.HashData(content));
    }
}
