using ImageService.Onnx.Graph;
using ImageService.Onnx.Sessions;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace ImageService.Onnx.Tests;

public sealed class UNetPortTests
{
    private const int Rows = 16;
    private const int RowLength = 4 * 64 * 64; // a picture of 512x512: enough for several threads

    [Fact]
    public void Rows_in_half_precision_go_up_and_come_down_in_their_places()
    {
        var array = GC.AllocateArray<float>(Rows * RowLength, pinned: true);
        var random = new Random(1);
        foreach (ref var value in array.AsSpan())
            value = (random.NextSingle() - 0.5f) * 8;
        var given = (float[])array.Clone();
        using var port = new UNetPort(new OnnxTensorInfo("sample", TensorElementType.Float16, [-1, 4, 64, 64]), array, Rows, 4, 64, 64);

        port.Stage(Rows);
        var seen = new float[Rows * RowLength];
        using (var all = port.View(0, Rows))
            HostTensor.Read(all, seen);
        Assert.Equal(given.Select(v => (float)(Half)v), seen);

        // Fewer rows than there are: the others stay what they were.
        array.AsSpan().Fill(9);
        port.Unstage(Rows - 3);
        Assert.Equal(seen[..((Rows - 3) * RowLength)], array[..((Rows - 3) * RowLength)]);
        Assert.False(array.AsSpan((Rows - 3) * RowLength).ContainsAnyExcept(9));
    }
}
