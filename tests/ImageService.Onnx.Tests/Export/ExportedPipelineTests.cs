using ImageService.Onnx.Folder;
using ImageService.Onnx.Tests.Golden;
using ImageService.Tests;

namespace ImageService.Onnx.Tests.Export;

/// <summary>From a checkpoint in diffusers' format through <c>training/export</c> and the engine to the pictures that diffusers draws.</summary>
public sealed class ExportedPipelineTests(ITestOutputHelper output)
{
    // DDIM on tiny-sdxl turns one bit of a U-Net's output into 3e-4 of the latents. Against float64, a call of the exported graph is off by 6.3e-7 of
    // its length and one of the reference's own graph by 6.4e-7, so that case may differ more; the pictures may not.
    private const float MostInSdxl = 4e-3f;

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
            using var other = TemporaryModel.Copy(name);
            var reference = ModelFolder.Read(other.Path).Info;
            // What another exporter's folder of the same model offers: hidden states, image-to-image, a timestep for each row.
            Assert.Equal(reference.Description with { Hash = "", CreatedAt = default }, read.Info.Description with { Hash = "", CreatedAt = default });
            Assert.Equal(reference.TimestepPerRow, read.Info.TimestepPerRow);
            using var model = OnnxDiffusionModel.Load(read, GoldenModel.Cpu);
            GoldenComparison.Check(model, name, output, name == "tiny-sdxl" ? MostInSdxl : GoldenComparison.MostInLatents);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
