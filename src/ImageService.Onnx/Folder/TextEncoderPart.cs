using System.Globalization;
using ImageService.Core;
using ImageService.Diffusion;
using ImageService.Diffusion.Text;
using ImageService.Onnx.Graph;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace ImageService.Onnx.Folder;

/// <summary>One text encoder of a folder with its tokenizer: what it takes and gives, checked.</summary>
internal sealed class TextEncoderPart
{
    private const string HiddenPrefix = "hidden_states.";

    private TextEncoderPart(OnnxGraph graph, ConfigFile config, ClipTokenizer tokenizer, bool xl)
    {
        Graph = graph;
        Tokens = graph.Inputs is [{ Type: TensorElementType.Int32 or TensorElementType.Int64 } only] && only.HasRank(2) ? only
            : throw new ModelFolderException(
                $"{graph.Path}: inputs must be input_ids alone, of int32 or int64 and two axes, not {string.Join(", ", graph.Inputs)}.");
        HiddenSize = config.Int("hidden_size", 1, 65_536);
        Layers = config.Int("num_hidden_layers", 1, 1000);
        NormEpsilon = config.OptionalFloat("layer_norm_eps", 0, 1) ?? 1e-5f;
        Activation = config.OptionalText("hidden_act");
        var length = Tokens.Axis(1) > 0 ? Tokens.Axis(1) : config.OptionalInt("max_position_embeddings", 3, 4096) ?? tokenizer.ContextLength;
        if (config.OptionalInt("vocab_size", 1, int.MaxValue) is { } entries && tokenizer.VocabularySize > entries)
            throw config.Bad("vocab_size", $"is {entries}, but the tokenizer has {tokenizer.VocabularySize} entries");
        HiddenStates = FindHiddenStates(graph);
        Last = graph.Output("last_hidden_state") ?? graph.Outputs.FirstOrDefault(o => o.IsFloat && o.HasRank(3))
            ?? throw new ModelFolderException($"{graph.Path}: outputs have no last_hidden_state.");
        CheckWidth(Last);
        if (xl && !HiddenStates.ContainsKey(Layers - 1))
            throw new ModelFolderException($"{graph.Path}: outputs have no {HiddenPrefix}{Layers - 1}, which SDXL needs; export it with output_hidden_states.");
        if (xl)
            CheckWidth(HiddenStates[Layers - 1]);
        Pooled = graph.Output("text_embeds");
        FinalNorm = xl ? null : FinalLayerNorm.Find(graph, Last.Name, HiddenSize, NormEpsilon);
        Default = xl ? HiddenStates[Layers - 1] : Last;
        DefaultSkip = xl ? 1 : 0;
        MaxClipSkip = xl || FinalNorm is not null ? CountSkippable() : 0;
        Info = new TextEncoderInfo(tokenizer, length, HiddenSize, PooledSize(config));
    }

    public OnnxGraph Graph { get; }
    public OnnxTensorInfo Tokens { get; }
    public TextEncoderInfo Info { get; }
    public int HiddenSize { get; }
    public int Layers { get; }
    public float NormEpsilon { get; }

    /// <summary>SD 1.x has quick_gelu, OpenCLIP's encoder of SD 2.x gelu.</summary>
    public string? Activation { get; }

    /// <summary>By layer, 0 = the embeddings; before the final normalisation.</summary>
    public IReadOnlyDictionary<int, OnnxTensorInfo> HiddenStates { get; }

    public OnnxTensorInfo Last { get; }

    /// <summary>What the U-Net was trained on: the last state after the final normalisation, or SDXL's last but one without.</summary>
    public OnnxTensorInfo Default { get; }

    /// <summary>Layers that <see cref="Default"/> leaves out anyway.</summary>
    public int DefaultSkip { get; }

    public OnnxTensorInfo? Pooled { get; }

    /// <summary>Applied to a hidden state that stands in for the last one; null for SDXL, which uses them as they are.</summary>
    public FinalLayerNorm? FinalNorm { get; }

    public int MaxClipSkip { get; }

    public static TextEncoderPart Read(string folder, string suffix, ModelFamily family)
    {
        var part = Path.Combine(folder, "text_encoder" + suffix);
        var graph = OnnxGraph.Read(Path.Combine(part, "model.onnx"));
        var config = ConfigFile.Read(Path.Combine(part, "config.json"));
        try
        {
            var tokenizer = ClipTokenizer.Load(Path.Combine(folder, "tokenizer" + suffix));
            return new TextEncoderPart(graph, config, tokenizer, family == ModelFamily.StableDiffusionXl);
        }
        catch (InvalidDataException e)
        {
            throw new ModelFolderException(e.Message, e);
        }
    }

    private static Dictionary<int, OnnxTensorInfo> FindHiddenStates(OnnxGraph graph)
    {
        var states = new Dictionary<int, OnnxTensorInfo>();
        foreach (var output in graph.Outputs)
        {
            if (output.Name.StartsWith(HiddenPrefix, StringComparison.Ordinal)
                && int.TryParse(output.Name.AsSpan(HiddenPrefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var layer))
                states[layer] = output;
        }
        return states;
    }

    private void CheckWidth(OnnxTensorInfo state)
    {
        if (!state.IsFloat || !state.HasRank(3) || (state.Axis(2) > 0 && state.Axis(2) != HiddenSize))
            throw new ModelFolderException($"{Graph.Path}: output {state} must be of float32 or float16 and [rows, tokens, {HiddenSize}], the hidden_size of its config.json.");
    }

    private int PooledSize(ConfigFile config) =>
        Pooled is null ? 0
        : Pooled.IsFloat && Pooled.HasRank(2) ? (Pooled.Axis(1) > 0 ? Pooled.Axis(1) : config.Int("projection_dim", 1, 65_536))
        : throw new ModelFolderException($"{Graph.Path}: output {Pooled} must be of float32 or float16 and have two axes.");

    private int CountSkippable()
    {
        var skip = 0;
        while (HiddenStates.ContainsKey(Layers - DefaultSkip - skip - 1))
            skip++;
        return skip;
    }
}
