using System.Globalization;
using ImageService.Diffusion;

namespace ImageService.Onnx.Tests;

/// <summary>All reference cases of a tiny model, drawn through the engine and compared with diffusers' latents and pictures.</summary>
internal static class GoldenComparison
{
    public const float MostInLatents = 1e-3f;
    private const int MostInPixels = 2;

    /// <param name="model">What draws.</param>
    /// <param name="name">Whose cases.</param>
    /// <param name="mostInLatents">Largest difference of any latent.</param>
    public static void Check(IDiffusionModel model, string name, ITestOutputHelper output, float mostInLatents = MostInLatents)
    {
        var drawing = new Drawing(model);
        var wrong = new List<string>();
        var (latents, pixels, worst) = (0f, 0, "");
        foreach (var golden in GoldenCase.Of(name))
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
                if (!(inLatents <= mostInLatents) || inPixels > MostInPixels)
                    wrong.Add(string.Create(CultureInfo.InvariantCulture, $"{golden.Name}.{index} ({golden.Mode}, {golden.Request().Scheduler}): {inLatents:g3} in the latents, {inPixels} in the pixels"));
            }
        }
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name}: at most {latents:g3} in the latents ({worst}), {pixels}/255 in the pixels"));
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }
}
