using ImageService.Diffusion.Denoise;
using ImageService.Diffusion.Imaging;
using ImageService.Diffusion.Schedulers;
using ImageService.Testing;

namespace ImageService.Diffusion.Tests.Imaging;

/// <summary>A decoder that is a known linear map, with a texture inside each latent's pixels that averages out.</summary>
internal sealed class FakeDecoder(LatentRgbFactors factors, int vaeScale) : IDiffusionModel
{
    public ModelInfo Info { get; init; } = new()
    {
        Description = FakeDescription.Model,
        TextEncoders = [],
        Scheduler = new SchedulerConfig(),
        LatentChannels = factors.Matrix.Length / 3,
        VaeScale = vaeScale,
    };

    public void DecodeLatents(int height, int width, ReadOnlySpan<float> latents, Span<byte> rgb)
    {
        for (var y = 0; y < height * vaeScale; y++)
        {
            for (var x = 0; x < width * vaeScale; x++)
            {
                for (var k = 0; k < 3; k++)
                {
                    var value = factors.Bias[k];
                    for (var c = 0; c < Info.LatentChannels; c++)
                        value += latents[(((c * height) + (y / vaeScale)) * width) + (x / vaeScale)] * factors.Matrix[(c * 3) + k];
                    var texture = x % 2 == 0 ? 3 : -3;
                    rgb[(((y * width * vaeScale) + x) * 3) + k] = (byte)Math.Clamp(MathF.Round((value + 1) * 127.5f) + texture, 0, 255);
                }
            }
        }
    }

    public void EncodeTokens(int encoder, ReadOnlySpan<int> tokens, int? clipSkip, Span<float> hidden, Span<float> pooled) => throw new NotSupportedException();
    public void PredictNoise(UNetBatch batch) => throw new NotSupportedException();
    public void EncodeImage(int height, int width, ReadOnlySpan<float> image, Span<float> mean, Span<float> deviation) => throw new NotSupportedException();

    public void Dispose()
    {
    }
}
