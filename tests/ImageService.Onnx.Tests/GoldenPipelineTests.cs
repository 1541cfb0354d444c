namespace ImageService.Onnx.Tests;

/// <summary>Whole pipelines against diffusers: same arguments, same seed, same picture.</summary>
public sealed class GoldenPipelineTests(TinyModels models, ITestOutputHelper output) : IClassFixture<TinyModels>
{
    [Theory]
    [InlineData("tiny-sd15")]
    [InlineData("tiny-sd21-v")]
    [InlineData("tiny-sdxl")]
    [InlineData("tiny-sd15-inpaint")]
    [InlineData("tiny-sd15-scalar-timestep")]
    public void Draws_the_pictures_that_diffusers_draws(string model) => GoldenComparison.Check(models.Load(model), model, output);
}
