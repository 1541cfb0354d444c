using ImageService.Diffusion.Denoise;
using ImageService.Onnx.Folder;
using ImageService.Onnx.Sessions;
using ImageService.Onnx.Tests.Golden;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace ImageService.Onnx.Tests;

[Collection(GoldenModel.OneUserAtATime)]
public sealed class UNetTests
{
    [Theory]
    [InlineData("tiny-sd15")]
    [InlineData("tiny-sdxl")]
    [InlineData("tiny-sd15-inpaint")]
    public void A_row_does_not_depend_on_its_neighbours(string name)
    {
        var model = GoldenModel.Get(name);
        var together = Batch(model, 5);
        model.PredictNoise(together);
        for (var row = 0; row < 5; row++)
        {
            var alone = Batch(model, 1, row);
            model.PredictNoise(alone);
            Assert.All(alone.Output.Zip(together.Output.Skip(row * together.OutputRow)), p => Assert.Equal(p.First, p.Second, 1e-5f));
        }
    }

    [Fact]
    public void Conditioning_timestep_and_sample_are_read_anew_at_every_call()
    {
        var model = GoldenModel.Get("tiny-sd15");
        var batch = Batch(model, 2);
        model.PredictNoise(batch);
        var first = batch.Output.ToArray();
        foreach (var input in new[] { batch.Sample, batch.Timestep, batch.Context })
        {
            var before = input[0];
            input[0] += 50;
            batch.ConditioningVersion++;
            model.PredictNoise(batch);
            Assert.NotEqual(first, batch.Output);
            input[0] = before;
        }
        batch.ConditioningVersion++;
        model.PredictNoise(batch);
        Assert.Equal(first, batch.Output);
    }

    [Fact]
    public void A_call_in_steady_state_allocates_nothing()
    {
        var model = GoldenModel.Get("tiny-sdxl");
        var batch = Batch(model, 4);
        int[] counts = [4, 3, 1];
        Call();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 10; i++)
            Call();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Call()
        {
            foreach (var rows in counts)
            {
                batch.Rows = rows;
                model.PredictNoise(batch);
            }
        }
    }

    [Fact]
    public void A_device_that_copies_when_inputs_are_bound_gets_the_same_numbers()
    {
        using var folder = TemporaryModel.Copy("tiny-sdxl");
        var part = ModelFolder.Read(folder.Path).UNet;
        var model = GoldenModel.Get("tiny-sdxl");
        var batch = Batch(model, 3);
        using var session = GoldenModel.Cpu.Open(part.Graph.Path);
        using var binding = new UNetBinding(part, batch, new HostCalls(session, copiesInputs: true));
        using var run = new RunOptions();
        for (var step = 0; step < 3; step++)
        {
            batch.Sample[0] += 1;
            model.PredictNoise(batch);
            var expected = batch.Output.ToArray();
            Array.Clear(batch.Output);
            binding.Run(batch, run);
            Assert.Equal(expected, batch.Output);
        }
    }

    [Fact]
    public void One_timestep_for_the_whole_call_is_read_from_the_export_and_kept()
    {
        var model = GoldenModel.Get("tiny-sd15-scalar-timestep");
        var batch = Batch(model, 2);
        Assert.False(model.Info.TimestepPerRow);
        batch.Timestep.AsSpan().Fill(500);
        model.PredictNoise(batch);
        batch.Timestep[1] = 501;
        Assert.Contains("one timestep", Assert.Throws<InvalidOperationException>(() => model.PredictNoise(batch)).Message);
    }

    [Theory]
    [InlineData(TensorElementType.Float, TensorElementType.Float, 0, false)]
    [InlineData(TensorElementType.Float, TensorElementType.Int64, 2, false)]
    [InlineData(TensorElementType.Float, TensorElementType.Int32, 0, true)]
    [InlineData(TensorElementType.Float16, TensorElementType.Float16, 0, false)]
    [InlineData(TensorElementType.Float16, TensorElementType.Int64, 0, false)]
    [InlineData(TensorElementType.Float16, TensorElementType.Float, 4, false)]
    [InlineData(TensorElementType.Float16, TensorElementType.Int64, 3, true)]
    [InlineData(TensorElementType.Float, TensorElementType.Float, 0, true)]
    [InlineData(TensorElementType.Float, TensorElementType.Float16, 0, true)]
    [InlineData(TensorElementType.Float16, TensorElementType.Int32, 0, false)]
    public void Any_export_gives_the_same_numbers(TensorElementType type, TensorElementType timestepType, int fixedRows, bool scalarTimestep)
    {
        using var folder = TemporaryModel.Copy("tiny-sd15");
        TinyOnnx.WriteUNet(folder["unet/model.onnx"], type, timestepType, fixedRows, scalarTimestep);
        var model = ModelFolder.Read(folder.Path);
        using var unet = new UNet(model.UNet, GoldenModel.Cpu);
        var batch = new UNetBatch(new BatchKey("tiny", 8, 8, 77), model.Info, 5);
        for (var version = 1; version <= 2; version++)
        {
            for (var i = 0; i < batch.Sample.Length; i++)
                batch.Sample[i] = MathF.Sin(i) * version;
            for (var i = 0; i < batch.Context.Length; i++)
                batch.Context[i] = version + (i / batch.ContextRow);
            batch.ConditioningVersion = version;
            foreach (var rows in new[] { 2, 5, 1 })
            {
                for (var row = 0; row < 5; row++)
                    batch.Timestep[row] = 20 + (scalarTimestep ? 0 : row);
                batch.Rows = rows;
                unet.Predict(batch);
                for (var i = 0; i < rows * batch.OutputRow; i++)
                {
                    var row = i / batch.OutputRow;
                    var expected = batch.Sample[i] + batch.Timestep[row] + version + row;
                    Assert.Equal(expected, batch.Output[i], type == TensorElementType.Float ? 1e-4f : 0.05f);
                }
            }
        }
        Assert.Equal(!scalarTimestep, model.Info.TimestepPerRow);
    }

    private static UNetBatch Batch(OnnxDiffusionModel model, int rows, int first = 0)
    {
        var batch = new UNetBatch(new BatchKey("tiny", 8, 8, 77), model.Info, rows) { Rows = rows, ConditioningVersion = 1 };
        Fill(batch.Sample, rows, first, 1);
        Fill(batch.Context, rows, first, 2);
        Fill(batch.Pooled, rows, first, 3);
        Fill(batch.TimeIds, rows, first, 4);
        for (var row = 0; row < rows; row++)
            batch.Timestep[row] = 999 - (100 * (first + row));
        return batch;
    }

    private static void Fill(float[] values, int rows, int first, int kind)
    {
        var length = values.Length / rows;
        for (var i = 0; i < values.Length; i++)
            values[i] = MathF.Sin((kind * 1000) + ((first + (i / length)) * 37) + (i % length));
    }
}
