using ImageService.Diffusion.Denoise;
using ImageService.Onnx.Graph;
using ImageService.Onnx.Runtime;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace ImageService.Onnx.Sessions;

/// <summary>One input or output of the U-Net over the array of a batch.</summary>
internal sealed class UNetPort : IDisposable
{
    private readonly float[] _array;
    private readonly HostTensor _tensor;
    private readonly long[] _row;
    private readonly int _rowLength;
    private readonly bool _staged;
    private readonly long[]? _wholeCall;
    private readonly PooledLoop _stageRows;
    private readonly PooledLoop _unstageRows;
    private IDisposable? _pages;

    /// <param name="row">Shape of one row.</param>
    public UNetPort(OnnxTensorInfo info, float[] array, int capacity, params long[] row)
    {
        Name = info.Name;
        Type = info.Type;
        _array = array;
        _row = row;
        _rowLength = (int)row.Aggregate(1L, (a, b) => a * b);
        _staged = info.Type != TensorElementType.Float || capacity * _rowLength > array.Length;
        _tensor = _staged ? HostTensor.Allocate(info.Type, capacity * _rowLength) : HostTensor.Over(array);
        _stageRows = new PooledLoop(i => _tensor.Write(Row(i), i * _rowLength));
        _unstageRows = new PooledLoop(i => _tensor.Read(Row(i), i * _rowLength));
    }

    private UNetPort(OnnxTensorInfo info, float[] array)
        : this(info, array, 1)
    {
        _wholeCall = info.Shape!.Count == 0 ? [] : [1];
    }

    public string Name { get; }

    public TensorElementType Type { get; }

    /// <summary>A timestep without a row axis: the first row's is everybody's.</summary>
    public static UNetPort ForWholeCall(OnnxTensorInfo info, float[] array) => new(info, array);

    /// <summary>Brings the batch's first rows to where the session reads them.</summary>
    public void Stage(int rows)
    {
        if (_staged)
            _stageRows.Run(_wholeCall is null ? rows : 1, _rowLength);
    }

    /// <summary>Brings the session's first rows to the batch.</summary>
    public void Unstage(int rows)
    {
        if (_staged)
            _unstageRows.Run(rows, _rowLength);
    }

    /// <summary>What the session sees will be copied to or from the device at every step.</summary>
    public void LockPages(IDeviceMemory memory) => _pages ??= _tensor.LockPages(memory);

    public void Dispose() => _pages?.Dispose();

    /// <summary>Of a call over so many rows.</summary>
    public long[] ShapeOf(int rows) => _wholeCall ?? [rows, .. _row];

    public OrtValue View(int start, int rows) => _tensor.View(_wholeCall is null ? start * _rowLength : 0, ShapeOf(rows));

    private Span<float> Row(int row) => _array.AsSpan(row * _rowLength, _rowLength);
}
