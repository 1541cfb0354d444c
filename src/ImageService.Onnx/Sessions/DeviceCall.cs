using ImageService.Onnx.Runtime;
using Microsoft.ML.OnnxRuntime;

namespace ImageService.Onnx.Sessions;

/// <summary>Takes some rows of a batch through a <see cref="DeviceBucket"/>: sample and timestep up, the prediction down, the conditioning only when it has changed.</summary>
internal sealed class DeviceCall : UNetCall
{
    private readonly DeviceBucket _bucket;
    private readonly List<OrtValue> _views = [];
    private readonly IDeviceCopy _stepping;
    private readonly IDeviceCopy _conditioning;
    private readonly IDeviceCopy _output;

    public DeviceCall(DeviceBucket bucket, IDeviceMemory memory, IReadOnlyList<UNetPort> stepping, IReadOnlyList<UNetPort> conditioning, UNetPort output, int start, int rows)
    {
        _bucket = bucket;
        _stepping = memory.Copying(Views(stepping), bucket.Stepping);
        _conditioning = memory.Copying(Views(conditioning), bucket.Conditioning);
        _output = memory.Copying(bucket.Output, Views([output]));

        List<OrtValue> Views(IReadOnlyList<UNetPort> ports)
        {
            var views = ports.Select(p => p.View(start, rows)).ToList();
            _views.AddRange(views);
            return views;
        }
    }

    public override void Run(RunOptions options, long conditioningVersion)
    {
        if (!ReferenceEquals(_bucket.Holds.Owner, this) || _bucket.Holds.Version != conditioningVersion)
        {
            _conditioning.Run();
            _bucket.Holds = (this, conditioningVersion);
        }
        _stepping.Run();
        _bucket.Run();
        _output.Run();
    }

    public override void Dispose()
    {
        if (ReferenceEquals(_bucket.Holds.Owner, this))
            _bucket.Holds = default;
        foreach (var value in _views)
            value.Dispose();
    }
}
