using ImageService.Onnx.Folder;
using ImageService.Onnx.Graph;
using ImageService.Onnx.Runtime;
using Microsoft.ML.OnnxRuntime;

namespace ImageService.Onnx.Sessions;

/// <summary>A text encoder's session. See <see cref="Diffusion.IDiffusionModel.EncodeTokens"/>.</summary>
internal sealed class TextEncoder : IDisposable
{
    private readonly TextEncoderPart _part;
    private readonly OrtRuntime _runtime;
    private readonly InferenceSession _session;
    private readonly RunOptions _run = new();
    private readonly int _rows;

    public TextEncoder(TextEncoderPart part, OrtRuntime runtime)
    {
        _part = part;
        _runtime = runtime;
        _session = runtime.Open(part.Graph.Path);
        _rows = Math.Max(part.Tokens.Axis(0), 1);
    }

    public void Encode(ReadOnlySpan<int> tokens, int? clipSkip, Span<float> hidden, Span<float> pooled)
    {
        var skip = clipSkip ?? 0;
        var state = StateFor(skip);
        // Of this call alone: another thread may encode at the same time.
        var content = HostTensor.Allocate(_part.Tokens.Type, _rows * _part.Info.ContextLength);
        content.Write(tokens);
        using var input = content.View(0, [_rows, _part.Info.ContextLength]);
        List<string> outputs = pooled.IsEmpty ? [state.Name] : [state.Name, _part.Pooled!.Name];
        using var results = _runtime.Run(_session, _run, _part.Tokens.Name, input, outputs);
        GC.KeepAlive(content);
        HostTensor.Read(results[0], hidden);
        if (skip > 0)
            _part.FinalNorm?.Apply(hidden);
        if (!pooled.IsEmpty)
            HostTensor.Read(results[1], pooled);
    }

    public void Dispose()
    {
        _run.Dispose();
        _session.Dispose();
    }

    private OnnxTensorInfo StateFor(int skip) =>
        skip == 0 ? _part.Default
        : skip > 0 && skip <= _part.MaxClipSkip ? _part.HiddenStates[_part.Layers - _part.DefaultSkip - skip]
        : throw new ArgumentException($"clip_skip must be between 0 and {_part.MaxClipSkip} for this model, not {skip}.");
}
