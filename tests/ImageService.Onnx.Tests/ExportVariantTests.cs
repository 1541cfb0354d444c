using System.Globalization;
using ImageService.Onnx.Folder;
using ImageService.Onnx.Tests.Golden;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace ImageService.Onnx.Tests;

/// <summary>Reference models written again as other exporters write them, drawn through the engine beside the float32 originals.</summary>
[Collection(GoldenModel.OneUserAtATime)]
public sealed class ExportVariantTests(ITestOutputHelper output)
{
    private static readonly string[] Parts = ["text_encoder", "text_encoder_2", "unet", "vae_decoder", "vae_encoder"];

    /// <summary>
    /// Float16 weights behind casts, alone and with float16 inputs and outputs. Every step then rounds what goes in and comes out to 11 bits, and a
    /// guidance of 7.5 multiplies that; a wrong conversion anywhere gives differences near 1.
    /// </summary>
    [Theory]
    [InlineData("tiny-sd15", false)]
    [InlineData("tiny-sdxl", false)]
    [InlineData("tiny-sd15", true)]
    [InlineData("tiny-sdxl", true)]
    public void Half_precision_stays_near_the_float32_model(string name, bool inputsAndOutputs)
    {
        var (latents, pixels) = Compare(name, file =>
        {
            var (count, error) = file.HalveWeights();
            Assert.True(count > 20 && error < 1f / 4096, $"{count} weights, at most {error} away");
            if (inputsAndOutputs)
                file.HalveInputsAndOutputs();
        });
        Assert.True(latents is > 0 and <= 0.03f && pixels <= 4, $"{latents} in the latents, {pixels} in the pixels");
    }

    [Fact]
    public void Weights_in_files_of_their_own_draw_the_same_picture_to_the_bit() =>
        Assert.Equal((0f, 0), Compare("tiny-sdxl", f => f.MoveWeightsTo("model.onnx_data")));

    [Fact]
    public void Token_ids_of_32_bits_draw_the_same_picture_to_the_bit() =>
        Assert.Equal((0f, 0), Compare("tiny-sdxl", f => f.RetypeInput("input_ids", TensorElementType.Int32), "text_encoder", "text_encoder_2"));

    [Theory]
    [InlineData("tiny-sd15", TensorElementType.Int64)]
    [InlineData("tiny-sd15", TensorElementType.Int32)]
    [InlineData("tiny-sd15", TensorElementType.Float16)]
    [InlineData("tiny-sd15-scalar-timestep", TensorElementType.Float)]
    [InlineData("tiny-sd15-scalar-timestep", TensorElementType.Float16)]
    [InlineData("tiny-sd15-scalar-timestep", TensorElementType.Int32)]
    public void Timesteps_of_any_type_draw_the_same_picture_to_the_bit(string name, TensorElementType type) =>
        Assert.Equal((0f, 0), Compare(name, f => f.RetypeInput("timestep", type), "unet"));

    // DDIM has whole timesteps below 1000, which every one of the types holds exactly.
    private (float Latents, int Pixels) Compare(string name, Action<OnnxFile> rewrite, params string[] parts)
    {
        using var folder = TemporaryModel.Copy(name);
        foreach (var part in (parts.Length == 0 ? Parts : parts).Where(p => Directory.Exists(folder[p])))
        {
            var file = new OnnxFile(folder[$"{part}/model.onnx"]);
            rewrite(file);
            file.Save();
        }
        using var model = OnnxDiffusionModel.Load(ModelFolder.Read(folder.Path), GoldenModel.Cpu);
        var request = GoldenCase.Of(name).First(c => c.Mode == "text2img").Request() with { NumInferenceSteps = 4, Scheduler = "ddim", NumImages = 1 };
        var (expected, drawn) = (new Drawing(GoldenModel.Get(name)).Draw(request), new Drawing(model).Draw(request));
        Assert.Null(drawn.Failure);
        var latents = expected.Pictures[0].Latents.Zip(drawn.Pictures[0].Latents, (a, b) => MathF.Abs(a - b)).Max();
        var pixels = expected.Pictures[0].Rgb.Zip(drawn.Pictures[0].Rgb, (a, b) => Math.Abs(a - b)).Max();
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name}: {latents:g3} in the latents, {pixels}/255 in the pixels"));
        return (latents, pixels);
    }
}
