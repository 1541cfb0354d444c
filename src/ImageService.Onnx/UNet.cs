using System.Runtime.CompilerServices;
using ImageService.Diffusion.Denoise;

namespace ImageService.Onnx;

/// <summary>The noise predictor: <c>unet/model.onnx</c>.</summary>
internal sealed class UNet : IDisposable
{
    /// <summary>Inputs; the first three are always there.</summary>
    public static readonly string[] Inputs = ["sample", "timestep", "encoder_hidden_states", "text_embeds", "time_ids", "timestep_cond"];

    public static readonly string[] Outputs = ["out_sample", "noise_pred"];
    private readonly SessionModel _model;
    private readonly string _output;
    private readonly ConditionalWeakTable<UNetBatch, Bindings> _bindings = [];

    public UNet(OnnxRuntimeHost runtime, string path)
    {
        _model = new SessionModel(runtime, path);
        _model.RefuseOtherInputs(Inputs);
        Channels = _model.Axis(_model.Input("sample"), "sample", 1);
        var timestep = _model.Input("timestep");
        TimestepPerRow = timestep.Dimensions.Length switch
        {
            0 => false,
            // A vector of one is a scalar in other clothes.
            1 => timestep.Dimensions[0] != 1,
            _ => throw new ModelFolderException($"{path}: 'timestep' must be a scalar or have one axis, not {timestep.Dimensions.Length}."),
        };
        ContextSize = _model.Axis(_model.Input("encoder_hidden_states"), "encoder_hidden_states", 2);
        PooledSize = Optional("text_embeds");
        GuidanceEmbeddingSize = Optional("timestep_cond");
        if (PooledSize > 0)
            _model.Input("time_ids");
        _output = _model.OutputNamed(Outputs);
        TimestepShapeIsEmpty = timestep.Dimensions.Length == 0;
    }

    public int Channels { get; }
    public int ContextSize { get; }

    /// <summary>0 = no pooled text input.</summary>
    public int PooledSize { get; }

    /// <summary>0 = no guidance embedding.</summary>
    public int GuidanceEmbeddingSize { get; }

    public bool TimestepPerRow { get; }

    private bool TimestepShapeIsEmpty { get; }

    public void Predict(UNetBatch batch)
    {
        var bindings = _bindings.GetValue(batch, static _ => new Bindings());
        if (!bindings.ByRows.TryGetValue(batch.Rows, out var binding))
            bindings.ByRows[batch.Rows] = binding = Bind(batch);
        binding.Run(batch.ConditioningVersion);
    }

    public void Dispose()
    {
        foreach (var (_, bindings) in _bindings)
            bindings.Dispose();
        _model.Dispose();
    }

    private int Optional(string name) => _model.Session.InputMetadata.TryGetValue(name, out var tensor) ? _model.Axis(tensor, name, 1) : 0;

    private Binding Bind(UNetBatch batch)
    {
        var rows = batch.Rows;
        var (height, width) = (batch.Key.Height, batch.Key.Width);
        var binding = new Binding(_model)
            .In("sample", batch.Sample.AsMemory(0, rows * batch.SampleRow), conditioning: false, rows, Channels, height, width)
            .In("timestep", batch.Timestep.AsMemory(0, TimestepPerRow ? rows : 1), conditioning: false,
                TimestepPerRow ? [rows] : TimestepShapeIsEmpty ? [] : [1])
            .In("encoder_hidden_states", batch.Context.AsMemory(0, rows * batch.ContextRow), conditioning: true, rows, batch.Key.ContextLength, ContextSize)
            .Out(_output, batch.Output.AsMemory(0, rows * batch.OutputRow), rows, batch.OutputRow / (height * width), height, width);
        if (PooledSize > 0)
        {
            binding.In("text_embeds", batch.Pooled.AsMemory(0, rows * PooledSize), conditioning: true, rows, PooledSize)
                .In("time_ids", batch.TimeIds.AsMemory(0, rows * UNetBatch.TimeIdsRow), conditioning: true, rows, UNetBatch.TimeIdsRow);
        }
        if (GuidanceEmbeddingSize > 0)
            binding.In("timestep_cond", batch.GuidanceEmbedding.AsMemory(0, rows * GuidanceEmbeddingSize), conditioning: true, rows, GuidanceEmbeddingSize);
        return binding;
    }

    // One binding for each row count that a batch has had; they go with the batch.
    private sealed class Bindings : IDisposable
    {
        public Dictionary<int, Binding> ByRows { get; } = [];

        public void Dispose()
        {
            foreach (var binding in ByRows.Values)
                binding.Dispose();
        }
    }
}
