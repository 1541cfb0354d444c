using ImageService.Diffusion.Denoise;
using ImageService.Onnx.Folder;
using ImageService.Onnx.Sessions;
using ImageService.Onnx.Tests.Golden;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace ImageService.Onnx.Tests;

[Collection(GoldenModel.OneUserAtATime)]
public sealed class OnnxDiffusionModelTests
{
    [Fact]
    public void Skipping_no_layer_is_the_last_state_normalised()
    {
        using var folder = TemporaryModel.Copy("tiny-sd15");
        var part = ModelFolder.Read(folder.Path).TextEncoders[0];
        var model = GoldenModel.Get("tiny-sd15");
        var tokens = part.Info.Tokenizer.Window(part.Info.Tokenizer.Encode("a red apple"));
        var (last, skipped) = (new float[77 * 32], new float[77 * 32]);
        model.EncodeTokens(0, tokens, null, last, []);
        model.EncodeTokens(0, tokens, 1, skipped, []);
        Assert.NotEqual(last, skipped);

        // The third and last layer's state, taken as if it had been chosen by clip_skip, must become what the encoder itself calls last.
        using var session = GoldenModel.Cpu.Open(part.Graph.Path);
        var ids = HostTensor.Allocate(TensorElementType.Int64, 77);
        ids.Write(tokens);
        using var input = ids.View(0, [1, 77]);
        using var run = new Microsoft.ML.OnnxRuntime.RunOptions();
        using var results = session.Run(run, ["input_ids"], [input], ["hidden_states.3"]);
        var state = new float[77 * 32];
        HostTensor.Read(results[0], state);
        part.FinalNorm!.Apply(state);
        Assert.All(state.Zip(last), p => Assert.Equal(p.Second, p.First, 2e-5f));
    }

    [Theory]
    [InlineData("tiny-sd15", 4)]
    [InlineData("tiny-sdxl", 3)]
    [InlineData("tiny-sd15", -1)]
    public void Skipping_too_many_layers_names_the_range(string name, int skip)
    {
        var model = GoldenModel.Get(name);
        var message = Assert.Throws<ArgumentException>(() => model.EncodeTokens(0, new int[77], skip, new float[77 * 32], [])).Message;
        Assert.StartsWith($"clip_skip must be between 0 and {model.Info.Description.MaxClipSkip}", message);
    }

    [Fact]
    public void Pictures_may_be_of_any_multiple_of_the_VAEs_scale()
    {
        var model = GoldenModel.Get("tiny-sd15");
        var rgb = new byte[24 * 40 * 3];
        model.DecodeLatents(3, 5, Enumerable.Range(0, 4 * 3 * 5).Select(i => MathF.Sin(i)).ToArray(), rgb);
        Assert.True(rgb.Distinct().Count() > 10);
        var (mean, deviation) = (new float[4 * 3 * 5], new float[4 * 3 * 5]);
        model.EncodeImage(24, 40, new float[3 * 24 * 40], mean, deviation);
        Assert.All(deviation, d => Assert.InRange(d, MathF.Exp(-15), MathF.Exp(10)));
        Assert.True(mean.Distinct().Count() > 10);
    }

    [Fact]
    public void A_picture_that_is_not_finite_is_an_arithmetic_failure_and_not_black()
    {
        var latents = new float[256];
        latents[7] = float.NaN;
        Assert.ThrowsAny<ArithmeticException>(() => GoldenModel.Get("tiny-sd15").DecodeLatents(8, 8, latents, new byte[64 * 64 * 3]));
    }

    [Fact]
    public void What_large_pictures_took_for_a_moment_is_given_back()
    {
        var model = GoldenModel.Get("tiny-sd15");
        var before = Environment.WorkingSet;
        for (var side = 80; side <= 96; side += 8)
            model.DecodeLatents(side, side, new float[4 * side * side], new byte[3 * 64 * side * side]);
        for (var rows = 1; rows <= 4; rows++)
            model.PredictNoise(new UNetBatch(new BatchKey("tiny", 40, 40, 77), model.Info, rows) { Rows = rows });
        // The largest decode alone works in 670 MB, and ONNX Runtime's arena would keep all three sizes.
        Assert.InRange(Environment.WorkingSet - before, long.MinValue, 500L << 20);
    }

    [Fact]
    public void A_buffer_of_the_wrong_size_is_named()
    {
        var model = GoldenModel.Get("tiny-sd15");
        Assert.StartsWith("rgb must have 12288 elements", Assert.Throws<ArgumentException>(() => model.DecodeLatents(8, 8, new float[256], new byte[3])).Message);
        Assert.StartsWith("tokens must have 77", Assert.Throws<ArgumentException>(() => model.EncodeTokens(0, new int[5], null, new float[77 * 32], [])).Message);
    }

    [Fact]
    public void Without_an_encoder_images_are_refused()
    {
        using var folder = TemporaryModel.Copy("tiny-sd15");
        Directory.Delete(folder["vae_encoder"], recursive: true);
        using var model = OnnxDiffusionModel.Load(ModelFolder.Read(folder.Path), GoldenModel.Cpu);
        Assert.StartsWith("image", Assert.Throws<ArgumentException>(() => model.EncodeImage(64, 64, new float[3 * 64 * 64], new float[256], new float[256])).Message);
    }

    [Fact]
    public void Half_precision_goes_in_and_out_by_rounding_to_nearest()
    {
        float[] values = [0, 1, -2.5f, 0.1f, 65504, 1e-7f, 1.00048828125f];
        var tensor = HostTensor.Allocate(TensorElementType.Float16, values.Length);
        tensor.Write(values);
        var back = new float[values.Length];
        tensor.Read(back);
        Assert.Equal(values.Select(v => (float)(Half)v), back);
        using var value = tensor.View(1, [2, 3]);
        var seen = new float[6];
        HostTensor.Read(value, seen);
        Assert.Equal(back.Skip(1), seen);
    }

    [Fact]
    public void A_model_that_needs_the_kernels_says_so_where_there_are_none()
    {
        using var folder = TemporaryModel.Copy("tiny-sd15");
        TinyOnnx.WriteKernelUser(folder["unet/model.onnx"]);
        var message = Assert.Throws<ModelFolderException>(() => OnnxDiffusionModel.Load(ModelFolder.Read(folder.Path), GoldenModel.Cpu)).Message;
        Assert.StartsWith(folder["unet/model.onnx"], message);
        Assert.Contains("Execution:KernelLibrary", message);
    }
}
