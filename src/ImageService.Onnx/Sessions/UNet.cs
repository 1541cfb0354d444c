using System.Runtime.CompilerServices;
using ImageService.Diffusion.Denoise;
using ImageService.Onnx.Folder;
using ImageService.Onnx.Runtime;
using Microsoft.ML.OnnxRuntime;

namespace ImageService.Onnx.Sessions;

/// <summary>The U-Net's session. Buffers are bound once for each batch and row count; a call in steady state allocates nothing on the CPU.</summary>
internal sealed class UNet : IDisposable
{
    private readonly UNetPart _part;
    private readonly InferenceSession _session;
    private readonly UNetCalls _calls;
    private readonly RunOptions _run = new();
    private readonly RunOptions _releasing;
    private long _reserved;

    // Bindings go when their batch goes; the engine makes a new one when a group of a new shape or capacity appears.
    private readonly ConditionalWeakTable<UNetBatch, UNetBinding> _bindings = [];

    public UNet(UNetPart part, OrtRuntime runtime)
    {
        _part = part;
        _releasing = runtime.ReleasingRun();
        (_session, var captures) = runtime.OpenForCapture(part.Graph.Path);
        _calls = runtime.DeviceMemory is { } memory ? new DeviceBuckets(_session, memory, part, captures, runtime.Gate, runtime.Logger) : new HostCalls(_session, copiesInputs: !runtime.OnCpu);
    }

    public void Predict(UNetBatch batch)
    {
        if (!_bindings.TryGetValue(batch, out var binding))
        {
            binding = new UNetBinding(_part, batch, _calls);
            _bindings.Add(batch, binding);
        }
        binding.Run(batch, OptionsFor((long)batch.Rows * batch.SampleRow));
    }

    public void Dispose()
    {
        foreach (var (_, binding) in _bindings)
            binding.Dispose();
        _bindings.Clear();
        _calls.Dispose();
        _run.Dispose();
        _releasing.Dispose();
        _session.Dispose();
    }

    // The arena keeps the memory of the largest call, in which smaller ones find room; a larger one would be put beside it. So whenever calls outgrow
    // what is reserved, all of it is given back, and the next call reserves anew.
    private RunOptions OptionsFor(long size)
    {
        var outgrown = _reserved > 0 && size > _reserved;
        _reserved = outgrown ? 0 : Math.Max(_reserved, size);
        return outgrown ? _releasing : _run;
    }
}
