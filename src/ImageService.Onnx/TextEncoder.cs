using System.Numerics.Tensors;

namespace ImageService.Onnx;

/// <summary>One text encoder: <c>text_encoder/model.onnx</c> or <c>text_encoder_2/model.onnx</c>.</summary>
internal sealed class TextEncoder : IDisposable
{
    private const float LayerNormEpsilon = 1e-5f;
    private readonly SessionModel _model;
    private readonly int _length;
    private readonly bool _sdxl;
    private readonly Dictionary<string, Bound> _bound = [];
    private readonly Lazy<(float[] Scale, float[] Bias)?> _finalNorm;
    private readonly int _hiddenStates;

    /// <param name="length">Tokens of one window.</param>
    /// <param name="sdxl">SDXL takes the layer before the last, without the final normalization.</param>
    /// <param name="pooled">The pooled output is wanted.</param>
    public TextEncoder(OnnxRuntimeHost runtime, string path, int length, bool sdxl, bool pooled)
    {
        _model = new SessionModel(runtime, path);
        _model.RefuseOtherInputs("input_ids");
        _length = length;
        _sdxl = sdxl;
        while (_model.Session.OutputMetadata.ContainsKey(HiddenState(_hiddenStates)))
            _hiddenStates++;
        Last = _model.OutputNamed("last_hidden_state");
        if (sdxl && _hiddenStates < 3)
            throw new ModelFolderException($"{path} has no outputs hidden_states.0, .1, ...: SDXL reads the layer before the last.");
        HiddenSize = _model.Axis(_model.Session.OutputMetadata[Last], Last, -1);
        if (pooled)
        {
            Pooled = _model.OutputNamed("text_embeds", "pooler_output");
            PooledSize = _model.Axis(_model.Session.OutputMetadata[Pooled], Pooled, -1);
        }
        _finalNorm = new(() => OnnxGraph.Read(path).NormalizationBefore(Last));
    }

    public int HiddenSize { get; }
    public int PooledSize { get; }
    private string Last { get; }
    private string? Pooled { get; }

    /// <summary>Layers that can be skipped with what the export gives out: hidden states, and the final normalization that they go through.</summary>
    public static int SkippableLayers(OnnxGraph graph, bool sdxl)
    {
        var hiddenStates = 0;
        while (graph.Outputs.Contains(HiddenState(hiddenStates)))
            hiddenStates++;
        return sdxl || graph.NormalizationBefore("last_hidden_state") is not null ? SkippableLayers(hiddenStates, sdxl) : 0;
    }

    private static int SkippableLayers(int hiddenStates, bool sdxl) => Math.Max(0, hiddenStates - (sdxl ? 3 : 2));

    public void Encode(ReadOnlySpan<int> tokens, int? clipSkip, Span<float> hidden, Span<float> pooled)
    {
        var skip = clipSkip ?? 0;
        if (skip > SkippableLayers(_hiddenStates, _sdxl))
            throw new ArgumentException($"clip_skip must be at most {SkippableLayers(_hiddenStates, _sdxl)} for this model.", nameof(clipSkip));
        // hidden_states[-(skip + 1)], and one further from the end for SDXL; the last one only ever as last_hidden_state.
        var name = _sdxl ? HiddenState(_hiddenStates - 2 - skip) : skip == 0 ? Last : HiddenState(_hiddenStates - 1 - skip);
        var bound = BoundTo(name);
        TensorPrimitives.ConvertTruncating<int, float>(tokens, bound.Tokens);
        bound.Binding.Run();
        bound.Hidden.CopyTo(hidden);
        if (!_sdxl && skip > 0)
            Normalize(hidden);
        if (pooled.Length > 0)
            bound.Pooled.CopyTo(pooled);
    }

    public void Dispose()
    {
        foreach (var bound in _bound.Values)
            bound.Binding.Dispose();
        _model.Dispose();
    }

    private static string HiddenState(int layer) => $"hidden_states.{layer}";

    private Bound BoundTo(string output)
    {
        if (_bound.TryGetValue(output, out var bound))
            return bound;
        bound = new Bound(new float[_length], new float[_length * HiddenSize], new float[PooledSize], new Binding(_model));
        bound.Binding.In("input_ids", bound.Tokens, conditioning: false, 1, _length).Out(output, bound.Hidden, 1, _length, HiddenSize);
        if (Pooled is not null)
            bound.Binding.Out(Pooled, bound.Pooled, 1, PooledSize);
        return _bound[output] = bound;
    }

    // Skipped layers still go through the encoder's last layer normalization (diffusers' encode_prompt); the export has it only behind the last layer.
    private void Normalize(Span<float> hidden)
    {
        if (_finalNorm.Value is not { } norm)
            throw new ModelFolderException($"{_model.Path}: the final layer normalization is not to be found before 'last_hidden_state', so clip_skip must be 0.");
        for (var row = 0; row < hidden.Length; row += HiddenSize)
        {
            var token = hidden.Slice(row, HiddenSize);
            var mean = TensorPrimitives.Sum<float>(token) / HiddenSize;
            TensorPrimitives.Subtract(token, mean, token);
            var deviation = MathF.Sqrt(TensorPrimitives.SumOfSquares<float>(token) / HiddenSize + LayerNormEpsilon);
            TensorPrimitives.Divide(token, deviation, token);
            TensorPrimitives.MultiplyAdd(token, norm.Scale, norm.Bias, token);
        }
    }

    private sealed record Bound(float[] Tokens, float[] Hidden, float[] Pooled, Binding Binding);
}
