using ImageService.Core;
using ImageService.Diffusion.Noise;
using ImageService.Diffusion.Schedulers;
using ImageService.Onnx.Folder;
using ImageService.Onnx.Tests.Golden;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace ImageService.Onnx.Tests;

/// <summary>Both kinds of VAE encoder in use: one gives the posterior's moments, the other a sample already.</summary>
public sealed class VaeEncoderTests
{
    private const int Side = 64;

    [Theory]
    [InlineData(TensorElementType.Float, true, 1e-4f)]
    [InlineData(TensorElementType.Float, false, 1e-4f)]
    [InlineData(TensorElementType.Float16, true, 5e-3f)]
    [InlineData(TensorElementType.Float16, false, 5e-3f)]
    public void Drawing_begins_from_the_posterior_and_then_draws_the_noise(TensorElementType type, bool moments, float tolerance)
    {
        using var folder = TemporaryModel.Copy("tiny-sd15");
        TinyOnnx.WriteVaeEncoder(folder["vae_encoder/model.onnx"], type, moments);
        using var model = OnnxDiffusionModel.Load(ModelFolder.Read(folder.Path), GoldenModel.Cpu);
        float[]? first = null;
        var drawing = new Drawing(model) { Predicted = b => first ??= b.Sample[..b.SampleRow] };
        var request = new GenerationRequest
        {
            Model = "tiny-sd15", Prompt = "a red apple", Width = Side, Height = Side, NumInferenceSteps = 4, GuidanceScale = 1, Scheduler = "ddim", Seed = 11, Image = "image", Strength = 0.5f,
        };
        Assert.Null(drawing.Draw(request, Picture()).Failure);

        // diffusers' order: the posterior's sample, then the noise of the first step, from one generator.
        var generator = NoiseGenerator.Create(NoiseSource.Mt19937, 11);
        var (ofPosterior, noise) = (new float[256], new float[256]);
        generator.Fill(ofPosterior);
        generator.Fill(noise);
        var latents = Means().Select((mean, i) => model.Info.ScalingFactor * (moments ? mean + (MathF.Exp(0.5f * mean) * ofPosterior[i]) : mean)).ToArray();
        var expected = new float[256];
        new SchedulerFactory(model.Info.Scheduler).Create("ddim", 4, 256, generator).AddNoise(2, latents, noise, expected);
        Assert.All(expected.Zip(first!), p => Assert.Equal(p.First, p.Second, tolerance));
    }

    // One colour for each latent.
    private static byte[] Picture() => Enumerable.Range(0, Side * Side * 3).Select(i => Colour(i / 3 / Side / 8, i / 3 % Side / 8, i % 3)).ToArray();

    private static byte Colour(int y, int x, int channel) => (byte)((y * 29) + (x * 5) + (channel * 7));

    private static IEnumerable<float> Means()
    {
        for (var channel = 0; channel < 4; channel++)
        {
            for (var i = 0; i < 64; i++)
            {
                var colours = Enumerable.Range(0, 3).Select(c => (2 * (Colour(i / 8, i % 8, c) / 255f)) - 1);
                yield return channel < 3 ? colours.ElementAt(channel) : colours.Average();
            }
        }
    }
}
