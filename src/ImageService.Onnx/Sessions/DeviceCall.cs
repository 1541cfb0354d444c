using ImageService.Onnx.Runtime;
using Microsoft.ML.OnnxRuntime;

namespace ImageService.Onnx.Sessions;

/// <summary>Takes some rows of a batch through a <see cref="DeviceBucket"/>: sample and timestep up, the prediction down, the conditioning only when it has changed.</summary>
internal sealed class DeviceCall(DeviceBucket bucket, IDeviceMemory memory, IReadOnlyList<UNetPort> stepping, IReadOnlyList<UNetPort> conditioning, UNetPort output, int start, int rows) : UNetCall
{
    private readonly List<OrtValue> _stepping = stepping.Select(p => p.View(start, rows)).ToList();
    private readonly List<OrtValue> _conditioning = conditioning.Select(p => p.View(start, rows)).ToList();
    private readonly List<OrtValue> _output = [output.View(start, rows)];

    public override void Run(RunOptions options, long conditioningVersion)
    {
        if (!ReferenceEquals(bucket.Holds.Owner, this) || bucket.Holds.Version != conditioningVersion)
        {
            memory.Copy(_conditioning, bucket.Conditioning);
            bucket.Holds = (this, conditioningVersion);
        }
        memory.Copy(_stepping, bucket.Stepping);
        bucket.Run();
        memory.Copy(bucket.Output, _output);
    }

    public override void Dispose()
    {
        if (ReferenceEquals(bucket.Holds.Owner, this))
            bucket.Holds = default;
        foreach (var value in _stepping.Concat(_conditioning).Concat(_output))
            value.Dispose();
    }
}
