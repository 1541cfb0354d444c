using ImageService.Diffusion.Imaging;

namespace ImageService.Diffusion.Tests.Imaging;

public sealed class LatentPreviewTests
{
    // Small enough that unit latents stay inside 0..255.
    private static readonly LatentRgbFactors Map = new([0.10f, -0.05f, 0.02f, 0.03f, 0.12f, -0.08f, -0.06f, 0.01f, 0.11f, 0.04f, -0.03f, 0.05f], [0.1f, -0.2f, 0.05f]);

    [Theory]
    [InlineData(8)]
    [InlineData(4)]
    public void A_linear_decoder_is_found_by_the_fit(int vaeScale)
    {
        using var model = new FakeDecoder(Map, vaeScale);

        var fitted = LatentRgbFactors.Fit(model, seed: 5);

        Assert.All(Map.Matrix.Zip(fitted.Matrix), p => Assert.Equal(p.First, p.Second, 0.002f));
        Assert.All(Map.Bias.Zip(fitted.Bias), p => Assert.Equal(p.First, p.Second, 0.002f));
    }

    [Fact]
    public void Any_number_of_latent_channels_can_be_fitted()
    {
        var map = new LatentRgbFactors(Enumerable.Range(0, 24).Select(i => ((i * 7 % 11) - 5) * 0.01f).ToArray(), [0, 0.1f, -0.1f]);
        using var model = new FakeDecoder(map, 8);

        Assert.All(map.Matrix.Zip(LatentRgbFactors.Fit(model, 0).Matrix), p => Assert.Equal(p.First, p.Second, 0.002f));
    }

    [Fact]
    public void A_fit_repeats_for_its_seed()
    {
        using var model = new FakeDecoder(Map, 8);

        Assert.Equal(LatentRgbFactors.Fit(model, 1).Matrix, LatentRgbFactors.Fit(model, 1).Matrix);
    }

    [Fact]
    public void Well_known_VAEs_have_published_factors_and_others_are_fitted()
    {
        using var model = new FakeDecoder(Map, 8);
        var info = model.Info;

        Assert.Same(LatentRgbFactors.StableDiffusion, LatentRgbFactors.Known(info with { TextEncoders = [Encoder(768)] }));
        Assert.Same(LatentRgbFactors.StableDiffusion, LatentRgbFactors.Known(info with { TextEncoders = [Encoder(1024)] }));
        Assert.Same(LatentRgbFactors.StableDiffusionXl, LatentRgbFactors.Known(info with { TextEncoders = [Encoder(768), Encoder(1280)], ScalingFactor = 0.13025f }));
        Assert.Null(LatentRgbFactors.Known(info with { TextEncoders = [Encoder(256)] }));
        Assert.Null(LatentRgbFactors.Known(info with { TextEncoders = [Encoder(768)], LatentChannels = 16 }));
        Assert.Equal(Map.Matrix[0], LatentRgbFactors.For(model).Matrix[0], 0.002f);
    }

    [Fact]
    public void A_preview_has_one_pixel_for_each_latent()
    {
        float[] latents = [.. Enumerable.Repeat(0f, 6), .. Enumerable.Repeat(1f, 6), .. Enumerable.Repeat(0f, 6), 0, 0, 0, 0, 0, 99];

        var png = PngFile.Read(LatentPreview.Encode(Map, 2, 3, latents).Span);

        Assert.Equal((3, 2), (png.Width, png.Height));
        Assert.Empty(png.Texts);
        Assert.Equal([(byte)((1 + 0.1f + 0.03f) * 127.5f), (byte)((1 - 0.2f + 0.12f) * 127.5f), (byte)((1 + 0.05f - 0.08f) * 127.5f)], png.Rgb[..3]);
        Assert.Equal([255, 0, 255], png.Rgb[^3..]);
    }

    [Fact]
    public void Values_that_are_no_numbers_are_no_error()
    {
        var rgb = new byte[3];

        LatentPreview.Render(Map, 1, 1, [float.NaN, float.PositiveInfinity, 0, 0], rgb);

        Assert.Equal(3, rgb.Length);
    }

    [Fact]
    public void Wrong_sizes_are_refused() => Assert.Throws<ArgumentException>(() => LatentPreview.Render(Map, 2, 2, new float[15], new byte[12]));

    private static TextEncoderInfo Encoder(int size) => new(null!, 77, size, 0);
}
