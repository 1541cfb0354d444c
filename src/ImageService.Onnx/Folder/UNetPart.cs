using ImageService.Onnx.Graph;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace ImageService.Onnx.Folder;

/// <summary>The U-Net of a folder: what it takes and gives, checked.</summary>
internal sealed class UNetPart
{
    private static readonly string[] Known = ["sample", "timestep", "encoder_hidden_states", "text_embeds", "time_ids", "timestep_cond"];

    private UNetPart(OnnxGraph graph, ConfigFile config)
    {
        Graph = graph;
        Config = config;
        if (graph.Inputs.FirstOrDefault(i => !Known.Contains(i.Name)) is { } unknown)
            throw new ModelFolderException($"{graph.Path}: input {unknown} is not one of {string.Join(", ", Known)}.");
        Channels = config.Int("in_channels", 1, 1024);
        Sample = Float("sample", 4, 1, Channels, "in_channels of its config.json");
        ContextSize = config.Int("cross_attention_dim", 1, 65_536);
        Context = Float("encoder_hidden_states", 3, 2, ContextSize, "cross_attention_dim of its config.json");
        Timestep = Required("timestep");
        if (Timestep.Type is not (TensorElementType.Float or TensorElementType.Float16 or TensorElementType.Int64 or TensorElementType.Int32)
            || Timestep.Shape is null or { Count: > 1 })
            throw new ModelFolderException($"{graph.Path}: input {Timestep} must be of float32, float16, int32 or int64 and have one axis or none.");
        Pooled = graph.Input("text_embeds") is null ? null : Float("text_embeds", 2);
        TimeIds = Pooled is null ? null : Float("time_ids", 2, 1, 6, "SDXL");
        if (Pooled is null && graph.Input("time_ids") is not null)
            throw new ModelFolderException($"{graph.Path}: input time_ids needs an input text_embeds beside it.");
        GuidanceSize = config.OptionalInt("time_cond_proj_dim", 2, 65_536) ?? 0;
        Guidance = GuidanceSize == 0 ? null : Float("timestep_cond", 2, 1, GuidanceSize, "time_cond_proj_dim of its config.json");
        if (GuidanceSize == 0 && graph.Input("timestep_cond") is not null)
            throw config.Bad("time_cond_proj_dim", "is missing, although the U-Net has an input timestep_cond");
        Output = graph.Output("out_sample") ?? graph.Outputs.FirstOrDefault(o => o.IsFloat)
            ?? throw new ModelFolderException($"{graph.Path}: outputs have no out_sample.");
        // Each level but the last halves the latents; what does not divide evenly would not fit together again on the way up.
        Halvings = config.Count("block_out_channels") - 1;
        SampleSize = config.OptionalInts("sample_size");
    }

    public OnnxGraph Graph { get; }
    public ConfigFile Config { get; }
    public OnnxTensorInfo Sample { get; }
    public OnnxTensorInfo Timestep { get; }
    public OnnxTensorInfo Context { get; }
    public OnnxTensorInfo? Pooled { get; }
    public OnnxTensorInfo? TimeIds { get; }
    public OnnxTensorInfo? Guidance { get; }
    public OnnxTensorInfo Output { get; }
    public int Channels { get; }
    public int ContextSize { get; }
    public int GuidanceSize { get; }
    public int Halvings { get; }

    /// <summary>Latent height and width the model was trained on, or one number for both; null = not said.</summary>
    public int[]? SampleSize { get; }

    /// <summary>Rows of every call where the export has fixed them; 0 = any.</summary>
    public int FixedRows => Math.Max(Sample.Axis(0), 0);

    /// <summary>False where the export has one timestep for the whole call.</summary>
    public bool TimestepPerRow => Timestep.Shape!.Count == 1 && (Timestep.Axis(0) != 1 || FixedRows == 1);

    public static UNetPart Read(string folder) => new(
        OnnxGraph.Read(Path.Combine(folder, "unet", "model.onnx")), ConfigFile.Read(Path.Combine(folder, "unet", "config.json")));

    private OnnxTensorInfo Required(string name) =>
        Graph.Input(name) ?? throw new ModelFolderException($"{Graph.Path}: inputs have no {name}.");

    /// <param name="length">What an axis must have; 0 = whatever the file says.</param>
    /// <param name="reason">Who says so.</param>
    private OnnxTensorInfo Float(string name, int rank, int axis = 0, int length = 0, string reason = "")
    {
        var input = Required(name);
        if (!input.IsFloat || !input.HasRank(rank))
            throw new ModelFolderException($"{Graph.Path}: input {input} must be of float32 or float16 and have {rank} axes.");
        if (length > 0 && input.Axis(axis) > 0 && input.Axis(axis) != length)
            throw new ModelFolderException($"{Graph.Path}: input {input} must have length {length} on axis {axis}, as {reason} says.");
        return input;
    }
}
