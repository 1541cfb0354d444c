using ImageService.Onnx.Folder;
using ImageService.Onnx.Tests.Golden;
using ImageService.Tests;

namespace ImageService.Onnx.Tests.Export;

/// <summary>From a checkpoint in diffusers' format through <c>training/export</c> and the engine to the pictures that diffusers draws.</summary>
public sealed class ExportedPipelineTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("tiny-sd15")]
    [InlineData("tiny-sd21-v")]
    [InlineData("tiny-sdxl")]
    [InlineData("tiny-sd15-inpaint")]
    public async Task Draws_the_pictures_that_diffusers_draws(string name)
    {
        var golden = GoldenFolder.Find(name);
        var folder = Directory.CreateTempSubdirectory("imageservice-export-").FullName;
        try
        {
            var (checkpoint, exported) = (Path.Combine(folder, "checkpoint"), Path.Combine(folder, name));
            await Python.RunAsync("tests/export/golden_checkpoint.py", golden, GoldenFolder.Find("tokenizer"), checkpoint);
            await Python.RunAsync("-m", "training.export", "--checkpoint", checkpoint, "--out", exported, "--target", "cpu");
            var read = ModelFolder.Read(exported);
            Assert.True(read.Info.TimestepPerRow);
            Assert.True(read.Info.Description.SupportsImageToImage);
            // clip_skip needs every hidden state, and where the encoder is not SDXL's its final normalisation.
            Assert.Equal(name == "tiny-sdxl" ? 1 : 2, read.Info.Description.MaxClipSkip);
            using var model = OnnxDiffusionModel.Load(read, GoldenModel.Cpu);
            GoldenComparison.Check(model, name, output);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
