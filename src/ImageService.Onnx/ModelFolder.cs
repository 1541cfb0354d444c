using System.Security.Cryptography;
using System.Text.Json;
using ImageService.Core;
using ImageService.Diffusion.Schedulers;
using ImageService.Diffusion.Text;

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
    public required int UNetChannels { get; init; }

    /// <summary>One for each text encoder.</summary>
    public required IReadOnlyList<ClipTokenizer> Tokenizers { get; init; }
    public required int VaeScale { get; init; }
    public required float ScalingFactor { get; init; }
    public required float ShiftFactor { get; init; }
    public required bool ForceZerosForEmptyPrompt { get; init; }

    /// <summary>The U-Net's model file and those that hold its weights.</summary>
    public required IReadOnlyList<string> UNetFiles { get; init; }

    public string UNet => File("unet/model.onnx");
    public string VaeDecoder => File("vae_decoder/model.onnx");
    public string VaeEncoder => File("vae_encoder/model.onnx");

    /// <summary>Two for SDXL.</summary>
    public IReadOnlyList<string> TextEncoders => Description.Family == ModelFamily.StableDiffusionXl
        ? [File("text_encoder/model.onnx"), File("text_encoder_2/model.onnx")] : [File("text_encoder/model.onnx")];

    /// <exception cref="ModelFolderException">Something is missing or wrong; one sentence names the file and the field.</exception>
    public static ModelFolder Read(string path)
    {
        string Full(string file) => System.IO.Path.Combine(path, file);
        var index = JsonFile.Read(Full("model_index.json"));
        var pipeline = index.String("_class_name") ?? throw new ModelFolderException($"{index.Path} lacks '_class_name', the name of diffusers' pipeline.");
        if (!pipeline.Contains("StableDiffusion", StringComparison.Ordinal) && !pipeline.Contains("LatentConsistencyModel", StringComparison.Ordinal))
            throw new ModelFolderException($"{index.Path}: '_class_name' is {pipeline}, but only Stable Diffusion pipelines can be drawn with.");
        var xl = pipeline.Contains("XL", StringComparison.Ordinal);
        string[] encoders = xl ? ["text_encoder", "text_encoder_2"] : ["text_encoder"];
        foreach (var file in encoders.Prepend("vae_decoder").Prepend("unet").Select(part => Full($"{part}/model.onnx")))
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
        var drawsFromImages = System.IO.File.Exists(Full("vae_encoder/model.onnx"));
        if (channels != latentChannels && !drawsFromImages)
            throw new ModelFolderException($"{Full("vae_encoder/model.onnx")} is missing, and an inpainting U-Net can draw nothing without it.");
        var tokenizers = encoders.Select(e => ReadTokenizer(Full(e.Replace("text_encoder", "tokenizer", StringComparison.Ordinal)))).ToList();
        var contextLength = text.RequiredInteger("max_position_embeddings", 3, 4096);
        var textConfigs = encoders.Select(part => JsonFile.Read(Full($"{part}/config.json"))).ToList();
        foreach (var (config, tokenizer) in textConfigs.Zip(tokenizers))
        {
            if (config.Integer("vocab_size", 1, 10_000_000) is { } words && tokenizer.VocabularySize > words)
                throw new ModelFolderException($"{config.Path}: 'vocab_size' is {words}, but the tokenizer has {tokenizer.VocabularySize} words.");
        }
        var textGraphs = encoders.Select(part => TextGraph(Full($"{part}/model.onnx"), contextLength)).ToList();
        var width = textConfigs.Sum(config => config.RequiredInteger("hidden_size", 1, 65_536));
        var unetGraph = UNetGraph(Full("unet/model.onnx"), channels, width, xl);
        DecoderGraph(Full("vae_decoder/model.onnx"), latentChannels);
        if (drawsFromImages)
            EncoderGraph(Full("vae_encoder/model.onnx"));
        var family = xl ? ModelFamily.StableDiffusionXl
            : unet.Integer("cross_attention_dim", 1, 65_536) == 1024 || text.String("hidden_act") == "gelu" ? ModelFamily.StableDiffusion2
            : ModelFamily.StableDiffusion1;
        var multiple = vaeScale << ((unet.Count("block_out_channels") ?? 4) - 1);
        var defaults = ModelDefaults.Read(index, unet, scheduler, family, vaeScale, multiple, MaxSide);
        string[] weights = [Full("unet/model.onnx"), .. unetGraph.ExternalFiles];
        return new ModelFolder
        {
            Path = path,
            Scheduler = scheduler,
            LatentChannels = latentChannels,
            UNetChannels = channels,
            Tokenizers = tokenizers,
            UNetFiles = weights,
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
                SupportsImageToImage = drawsFromImages,
                RequiresMask = channels != latentChannels,
                MaxClipSkip = textGraphs.Min(graph => TextEncoder.SkippableLayers(graph, xl)),
                ContextLength = contextLength,
                Hash = weights.Sum(file => new FileInfo(file).Length) <= MostHashedAtOnce ? HashOf(weights) : "",
                CreatedAt = new DateTimeOffset(System.IO.File.GetLastWriteTimeUtc(index.Path), TimeSpan.Zero),
            },
        };
    }

    /// <summary>With the digest of a U-Net that was too large to read at start.</summary>
    public ModelDescription WithHash() => Description.Hash.Length > 0 ? Description : Description with { Hash = HashOf(UNetFiles) };

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

    private static ClipTokenizer ReadTokenizer(string folder)
    {
        try
        {
            return ClipTokenizer.Load(folder);
        }
        catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            throw new ModelFolderException(e.Message, e);
        }
    }

    private static OnnxGraph TextGraph(string path, int length)
    {
        var graph = GraphCheck.Read(path, ["input_ids"], 1, ["last_hidden_state"]);
        graph.RequireSize(path, "input_ids", 1, length, "text_encoder/config.json's 'max_position_embeddings' is");
        return graph;
    }

    private static OnnxGraph UNetGraph(string path, int channels, int width, bool xl)
    {
        var graph = GraphCheck.Read(path, Onnx.UNet.Inputs, xl ? 5 : 3, Onnx.UNet.Outputs);
        graph.RequireOpen(path, "sample", 0, 2, 3);
        graph.RequireSize(path, "sample", 1, channels, "unet/config.json's 'in_channels' is");
        graph.RequireOpen(path, "encoder_hidden_states", 0);
        graph.RequireSize(path, "encoder_hidden_states", 2, width, "the text encoders' 'hidden_size' comes to");
        return graph;
    }

    private static void DecoderGraph(string path, int channels)
    {
        var graph = GraphCheck.Read(path, ["latent_sample"], 1, ["sample"]);
        graph.RequireOpen(path, "latent_sample", 2, 3);
        graph.RequireSize(path, "latent_sample", 1, channels, "the configuration's 'latent_channels' is");
    }

    private static void EncoderGraph(string path) =>
        GraphCheck.Read(path, ["sample"], 1, Onnx.VaeEncoder.Outputs).RequireOpen(path, "sample", 2, 3);

    // A model file may hold the graph alone, so the weights' own files count as well.
    private static string HashOf(IEnumerable<string> files)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[1 << 16];
        foreach (var file in files)
        {
            using var content = System.IO.File.OpenRead(file);
            while (content.Read(buffer) is > 0 and var read)
                hash.AppendData(buffer, 0, read);
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
