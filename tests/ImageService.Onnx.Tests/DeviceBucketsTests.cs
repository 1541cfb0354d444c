using ImageService.Diffusion;
using ImageService.Diffusion.Denoise;
using ImageService.Onnx.Folder;
using ImageService.Onnx.Runtime;
using ImageService.Onnx.Sessions;
using ImageService.Onnx.Tests.Golden;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace ImageService.Onnx.Tests;

/// <summary>The device path with the host's memory in the place of a GPU's.</summary>
[Collection(GoldenModel.OneUserAtATime)]
public sealed class DeviceBucketsTests
{
    [Theory]
    [InlineData("tiny-sd15")]
    [InlineData("tiny-sdxl")]
    [InlineData("tiny-sd15-inpaint")]
    [InlineData("tiny-sd15-scalar-timestep")]
    public void The_device_path_gives_the_same_numbers_whatever_the_row_count(string name)
    {
        using var scene = new Scene(name);
        var model = GoldenModel.Get(name);
        var batch = Batch(model.Info, 4);
        foreach (var rows in new[] { 4, 2, 3, 4, 1 })
        {
            (batch.Sample[0], batch.Rows) = (batch.Sample[0] + 1, rows);
            model.PredictNoise(batch);
            var expected = batch.Output.AsSpan(0, rows * batch.OutputRow).ToArray();
            Array.Clear(batch.Output);
            scene.Run(batch);
            Assert.Equal(expected, batch.Output.AsSpan(0, rows * batch.OutputRow).ToArray());
        }
    }

    [Fact]
    public void Conditioning_goes_up_only_when_it_has_changed()
    {
        using var scene = new Scene("tiny-sdxl");
        var batch = Batch(scene.Info, 2);
        scene.Run(batch);
        Assert.Equal([3, 2, 1], scene.Memory.Copies); // context, pooled and time ids; sample and timestep; the output
        scene.Memory.Copies.Clear();
        for (var step = 0; step < 3; step++)
            scene.Run(batch);
        Assert.Equal([2, 1, 2, 1, 2, 1], scene.Memory.Copies);
        scene.Memory.Copies.Clear();
        batch.ConditioningVersion++;
        scene.Run(batch);
        Assert.Equal([3, 2, 1], scene.Memory.Copies);
    }

    [Fact]
    public void Batches_of_one_shape_share_buffers_and_never_each_others_conditioning()
    {
        using var scene = new Scene("tiny-sd15");
        var model = GoldenModel.Get("tiny-sd15");
        var (one, other) = (Batch(scene.Info, 2), Batch(scene.Info, 2));
        other.Context.AsSpan().Fill(0.5f);
        scene.Run(one);
        var (buckets, buffers) = (scene.Buckets.Count, scene.Memory.Allocated);
        foreach (var batch in new[] { other, one, other })
        {
            model.PredictNoise(batch);
            var expected = batch.Output.ToArray();
            Array.Clear(batch.Output);
            scene.Run(batch);
            Assert.Equal(expected, batch.Output);
        }
        Assert.Equal((buckets, buffers), (scene.Buckets.Count, scene.Memory.Allocated));
    }

    [Fact]
    public void Pages_of_a_batch_are_held_once_for_all_its_row_counts_and_let_go_with_it()
    {
        var scene = new Scene("tiny-sdxl");
        var batch = Batch(scene.Info, 4);
        foreach (var rows in new[] { 4, 2, 4 })
        {
            batch.Rows = rows;
            scene.Run(batch);
        }
        float[][] ports = [batch.Sample, batch.Timestep, batch.Context, batch.Pooled, batch.TimeIds, batch.Output];
        Assert.Equal(ports.Select(p => 4L * p.Length), scene.Memory.Locked);
        scene.Dispose();
        Assert.Empty(scene.Memory.Locked);
    }

    [Theory]
    [InlineData(TensorElementType.Float16, TensorElementType.Int64, 0)]
    [InlineData(TensorElementType.Float16, TensorElementType.Float, 2)]
    [InlineData(TensorElementType.Float, TensorElementType.Int32, 4)]
    public void Any_export_has_device_buffers_of_its_types(TensorElementType type, TensorElementType timestepType, int fixedRows)
    {
        using var folder = TemporaryModel.Copy("tiny-sd15");
        TinyOnnx.WriteUNet(folder["unet/model.onnx"], type, timestepType, fixedRows);
        using var scene = new Scene(ModelFolder.Read(folder.Path));
        using var plain = new UNet(scene.Part, GoldenModel.Cpu);
        var batch = Batch(scene.Info, 5);
        batch.Rows = 5;
        plain.Predict(batch);
        var expected = batch.Output.ToArray();
        Array.Clear(batch.Output);
        scene.Run(batch);
        Assert.Equal(expected, batch.Output);
    }

    private static UNetBatch Batch(ModelInfo info, int rows)
    {
        var batch = new UNetBatch(new BatchKey("tiny", 8, 8, 77), info, rows) { Rows = rows };
        foreach (var input in new[] { batch.Sample, batch.Context, batch.Pooled })
        {
            for (var i = 0; i < input.Length; i++)
                input[i] = MathF.Sin(i);
        }
        batch.Timestep.AsSpan().Fill(400);
        batch.TimeIds.AsSpan().Fill(64);
        return batch;
    }

    private sealed class Scene : IDisposable
    {
        private readonly TemporaryModel? _folder;
        private readonly InferenceSession _session;
        private readonly RunOptions _run = new();
        private readonly Dictionary<UNetBatch, UNetBinding> _bindings = [];

        public Scene(string name)
            : this(TemporaryModel.Copy(name))
        {
        }

        public Scene(ModelFolder model)
        {
            (Info, Part) = (model.Info, model.UNet);
            _session = GoldenModel.Cpu.Open(Part.Graph.Path);
            Buckets = new DeviceBuckets(_session, Memory, Part, captures: false, new CaptureGate(), NullLogger.Instance);
        }

        private Scene(TemporaryModel folder)
            : this(ModelFolder.Read(folder.Path))
        {
            _folder = folder;
        }

        public ModelInfo Info { get; }
        public UNetPart Part { get; }
        public HostMemory Memory { get; } = new();
        public DeviceBuckets Buckets { get; }

        public void Run(UNetBatch batch)
        {
            if (!_bindings.TryGetValue(batch, out var binding))
                _bindings.Add(batch, binding = new UNetBinding(Part, batch, Buckets));
            binding.Run(batch, _run);
        }

        public void Dispose()
        {
            foreach (var binding in _bindings.Values)
                binding.Dispose();
            Buckets.Dispose();
            _run.Dispose();
            _session.Dispose();
            _folder?.Dispose();
        }
    }
}
