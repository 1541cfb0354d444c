using ImageService.Core;
using ImageService.Diffusion;
using ImageService.Diffusion.Noise;
using ImageService.Onnx.Folder;
using ImageService.Onnx.Tests.Golden;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace ImageService.Onnx.Tests;

/// <summary>One model as different exporters store it, drawn whole: the folder tells what it is and the picture stays.</summary>
public sealed class ExportVariantTests(ITestOutputHelper output)
{
    private static readonly string[] Parts = ["text_encoder/model.onnx", "unet/model.onnx", "vae_decoder/model.onnx", "vae_encoder/model.onnx"];

    [Theory]
    [InlineData("tiny-sd15", null)]
    [InlineData("tiny-sd15", 1)]
    [InlineData("tiny-sd15-scalar-timestep", null)]
    [InlineData("tiny-sdxl", null)]
    public void Half_precision_draws_nearly_the_same_picture(string name, int? clipSkip)
    {
        using var folder = TemporaryModel.Copy(name);
        var (latents, rgb) = Draw(folder, Request(name) with { ClipSkip = clipSkip });
        foreach (var part in Files(folder))
            RewrittenOnnx.StoreHalf(part);
        Assert.Equal(TensorElementType.Float16, ModelFolder.Read(folder.Path).UNet.Output.Type);
        var (inHalf, rgbInHalf) = Draw(folder, Request(name) with { ClipSkip = clipSkip });

        var (inLatents, inPixels) = (Largest(latents, inHalf), rgb.Zip(rgbInHalf, (a, b) => Math.Abs(a - b)).Max());
        output.WriteLine($"{name}: {inLatents:g3} in the latents, {inPixels}/255 in the pixels");
        // Eleven binary digits at each border of a session, amplified by guidance over the steps.
        Assert.InRange(inLatents, 1e-6f, 0.05f);
        Assert.InRange(inPixels, 0, 2);
    }

    [Theory]
    [InlineData("tiny-sd15")]
    [InlineData("tiny-sdxl")]
    public void Weights_in_a_file_beside_the_model_draw_the_same_picture(string name)
    {
        using var folder = TemporaryModel.Copy(name);
        var (latents, rgb) = Draw(folder, Request(name));
        foreach (var part in Files(folder))
            RewrittenOnnx.StoreOutside(part, "model.onnx_data");
        Assert.True(new FileInfo(folder["unet/model.onnx"]).Length < new FileInfo(folder["unet/model.onnx_data"]).Length);
        var (outside, rgbOutside) = Draw(folder, Request(name));
        Assert.Equal(latents, outside);
        Assert.Equal(rgb, rgbOutside);
    }

    [Theory]
    [InlineData("tiny-sd15")]
    [InlineData("tiny-sdxl")]
    public void Token_ids_may_be_of_32_bits(string name)
    {
        using var folder = TemporaryModel.Copy(name);
        var (latents, _) = Draw(folder, Request(name));
        foreach (var part in Files(folder).Where(f => f.Contains("text_encoder", StringComparison.Ordinal)))
            RewrittenOnnx.TakeInt32(part);
        Assert.All(ModelFolder.Read(folder.Path).TextEncoders, e => Assert.Equal(TensorElementType.Int32, e.Tokens.Type));
        Assert.Equal(latents, Draw(folder, Request(name)).Latents);
    }

    [Theory]
    [InlineData(TensorElementType.Float, 1e-3f)]
    [InlineData(TensorElementType.Float16, 6e-3f)]
    public void A_U_Net_with_a_guidance_embedding_is_given_diffusers_numbers_in_one_row_a_picture(TensorElementType type, float tolerance)
    {
        using var folder = TemporaryModel.Copy("tiny-sd15");
        TinyOnnx.WriteGuidedUNet(folder["unet/model.onnx"], type);
        folder.Set("unet/config.json", "time_cond_proj_dim", 256);
        folder.Set("scheduler/scheduler_config.json", "_class_name", "LCMScheduler");
        using var model = OnnxDiffusionModel.Load(ModelFolder.Read(folder.Path), GoldenModel.Cpu);
        var description = model.Info.Description;
        Assert.Equal(("lcm", 4, 8.5f), (description.DefaultScheduler, description.DefaultSteps, description.DefaultGuidanceScale));

        var expected = Embedding(8.5f, 256);
        var calls = 0;
        var drawing = new Drawing(model)
        {
            Predicted = batch =>
            {
                calls++;
                Assert.Equal(2, batch.Rows);
                for (var i = 0; i < batch.Rows * batch.OutputRow; i++)
                    Assert.Equal(expected[i % 256], batch.Output[i] - batch.Sample[i], tolerance);
            },
        };
        var drawn = drawing.Draw(Request("tiny-sd15") with
        {
            Scheduler = description.DefaultScheduler, NumInferenceSteps = description.DefaultSteps, GuidanceScale = description.DefaultGuidanceScale, NumImages = 2,
        });
        Assert.Null(drawn.Failure);
        Assert.Equal((4, 2), (calls, drawn.Pictures.Count));
    }

    [Fact]
    public void An_encoder_that_gives_the_latents_themselves_draws_no_noise_for_them()
    {
        using var folder = TemporaryModel.Copy("tiny-sd15");
        var request = Request("tiny-sd15") with { Image = "image", Strength = 0.5f, Scheduler = "ddim" };
        var image = Enumerable.Range(0, 64 * 64 * 3).Select(i => (byte)(i % 251)).ToArray();
        var posterior = Starting(folder, request, image, out var info);
        Assert.True(info.EncodesPosterior);
        RewrittenOnnx.GiveMean(folder["vae_encoder/model.onnx"]);
        var direct = Starting(folder, request, image, out info);
        Assert.False(info.EncodesPosterior);

        // The first draw of the generator samples the posterior where there is one, and is the picture's noise where there is none.
        var (mean, deviation) = (new float[256], new float[256]);
        using (var model = OnnxDiffusionModel.Load(ModelFolder.Read(folder.Path), GoldenModel.Cpu))
            model.EncodeImage(64, 64, Planes(image), mean, deviation);
        Assert.All(deviation, d => Assert.Equal(0, d));
        var (first, second) = (new float[256], new float[256]);
        var generator = NoiseGenerator.Create(NoiseSource.Mt19937, request.Seed);
        generator.Fill(first);
        generator.Fill(second);
        var sigma = NoiseShare(direct, mean, first, info.ScalingFactor);
        var alpha = MathF.Sqrt(1 - (sigma * sigma));
        for (var i = 0; i < mean.Length; i++)
            Assert.Equal((alpha * info.ScalingFactor * mean[i]) + (sigma * first[i]), direct[i], 1e-4f);
        Assert.InRange(sigma, 0.3f, 0.95f);
        Assert.Equal(sigma, NoiseShare(posterior, mean, second, info.ScalingFactor), 0.05f);
        Assert.True(Largest(posterior, direct) > 0.1f);
    }

    private static (float[] Latents, byte[] Rgb) Draw(TemporaryModel folder, GenerationRequest request)
    {
        using var model = OnnxDiffusionModel.Load(ModelFolder.Read(folder.Path), GoldenModel.Cpu);
        var drawn = new Drawing(model).Draw(request);
        Assert.Null(drawn.Failure);
        return drawn.Pictures[0];
    }

    // What the U-Net is shown first.
    private static float[] Starting(TemporaryModel folder, GenerationRequest request, byte[] image, out ModelInfo info)
    {
        using var model = OnnxDiffusionModel.Load(ModelFolder.Read(folder.Path), GoldenModel.Cpu);
        info = model.Info;
        float[]? first = null;
        var drawing = new Drawing(model) { Predicted = batch => first ??= batch.Sample[..256] };
        Assert.Null(drawing.Draw(request, image).Failure);
        return first!;
    }

    // sigma of latents = sqrt(1 - sigma^2) * scale * mean + sigma * noise, by least squares: mean and noise are independent.
    private static float NoiseShare(float[] latents, float[] mean, float[] noise, float scale)
    {
        double Dot(float[] a, float[] b) => a.Zip(b, (x, y) => (double)x * y).Sum();
        var signal = mean.Select(m => m * scale).ToArray();
        var determinant = (Dot(signal, signal) * Dot(noise, noise)) - (Dot(signal, noise) * Dot(signal, noise));
        return (float)(((Dot(latents, noise) * Dot(signal, signal)) - (Dot(latents, signal) * Dot(signal, noise))) / determinant);
    }

    // diffusers' get_guidance_scale_embedding(guidance_scale - 1, length), written down in double; float32 has four digits of an angle of 7500.
    private static double[] Embedding(float guidanceScale, int length)
    {
        var angles = Enumerable.Range(0, length / 2).Select(i => 1000 * (guidanceScale - 1.0) * Math.Exp(-i * Math.Log(10000) / ((length / 2) - 1))).ToArray();
        return [.. angles.Select(Math.Sin), .. angles.Select(Math.Cos)];
    }

    private static float[] Planes(byte[] rgb) =>
        [.. Enumerable.Range(0, 3).SelectMany(c => rgb.Where((_, i) => i % 3 == c)).Select(v => (2 * (v / 255f)) - 1)];

    private static float Largest(float[] a, float[] b) => a.Zip(b, (x, y) => MathF.Abs(x - y)).Max();

    private static IEnumerable<string> Files(TemporaryModel folder) => Parts.Append("text_encoder_2/model.onnx").Select(p => folder[p]).Where(File.Exists);

    private static GenerationRequest Request(string model) => new()
    {
        Model = model,
        Prompt = "a red apple on a table",
        Width = 64,
        Height = 64,
        NumInferenceSteps = 4,
        GuidanceScale = 5,
        Scheduler = "euler_a",
        Seed = 11,
    };
}
