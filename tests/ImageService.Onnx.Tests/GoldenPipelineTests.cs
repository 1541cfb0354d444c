using System.Globalization;

namespace ImageService.Onnx.Tests;

/// <summary>Whole pipelines against diffusers: same arguments, same seed, same picture.</summary>
public sealed class GoldenPipelineTests(TinyModels models, ITestOutputHelper output) : IClassFixture<TinyModels>
{
    private const float MostInLatents = 1e-3f;
    private const int MostInPixels = 2;

    [Theory]
    [InlineData("tiny-sd15")]
    [InlineData("tiny-sd21-v")]
    [InlineData("tiny-sdxl")]
    [InlineData("tiny-sd15-inpaint")]
    [InlineData("tiny-sd15-scalar-timestep")]
    public void Draws_the_pictures_that_diffusers_draws(string model)
    {
        var drawing = new Drawing(models.Load(model));
        var wrong = new List<string>();
        var (latents, pixels, worst) = (0f, 0, "");
        foreach (var golden in GoldenCase.Of(model))
        {
            var drawn = drawing.Draw(golden.Request(), golden.Image(), golden.Mask());
            if (drawn.Failure is { } failure)
            {
                wrong.Add($"{golden.Name} ({golden.Mode}): {failure.Message}");
                continue;
            }
            var expected = golden.Latents();
            var length = expected.Length / drawn.Pictures.Count;
            foreach (var (index, picture) in drawn.Pictures)
            {
                var inLatents = expected.AsSpan(index * length, length).ToArray().Zip(picture.Latents, (a, b) => MathF.Abs(a - b)).Max();
                var inPixels = golden.Picture(index).Zip(picture.Rgb, (a, b) => Math.Abs(a - b)).Max();
                if (inLatents >= latents)
                    (latents, worst) = (inLatents, $"{golden.Name}, {golden.Mode}, {golden.Request().Scheduler}");
                pixels = Math.Max(pixels, inPixels);
                if (!(inLatents <= MostInLatents) || inPixels > MostInPixels)
                    wrong.Add(string.Create(CultureInfo.InvariantCulture, $"{golden.Name}.{index} ({golden.Mode}, {golden.Request().Scheduler}): {inLatents:g3} in the latents, {inPixels} in the pixels"));
            }
        }
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{model}: at most {latents:g3} in the latents ({worst}), {pixels}/255 in the pixels"));
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }
}
