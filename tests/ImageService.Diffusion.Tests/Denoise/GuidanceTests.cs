using ImageService.Diffusion.Denoise;

namespace ImageService.Diffusion.Tests.Denoise;

public sealed class GuidanceTests
{
    private static float[] Values(int length, float frequency) => [.. Enumerable.Range(0, length).Select(i => MathF.Sin(frequency * i) + 0.1f)];

    [Theory]
    [InlineData(7.5f)]
    [InlineData(1f)]
    [InlineData(0f)]
    public void Guidance_goes_from_the_unconditional_output_through_the_texts(float scale)
    {
        var (guided, unconditional, text) = (Values(1000, 0.3f), Values(1000, 0.3f), Values(1000, 0.7f));
        Guidance.Combine(guided, text, scale);
        for (var i = 0; i < guided.Length; i++)
            Assert.Equal(unconditional[i] + scale * (text[i] - unconditional[i]), guided[i], 1e-6f);
    }

    [Fact]
    public void Rescaling_gives_the_deviation_of_the_texts_output()
    {
        var (guided, text) = (Values(500, 0.3f).Select(x => 5 * x).ToArray(), Values(500, 0.7f));
        Guidance.Rescale(guided, text, 1);
        Assert.Equal(Deviation(text), Deviation(guided), 1e-5);
    }

    [Fact]
    public void A_share_of_the_rescaled_output_is_mixed_with_the_rest_unscaled()
    {
        var (guided, text) = (Values(500, 0.3f), Values(500, 0.7f).Select(x => 2 * x).ToArray());
        var before = guided.ToArray();
        Guidance.Rescale(guided, text, 0.7f);
        var factor = Deviation(text) / Deviation(before);
        for (var i = 0; i < guided.Length; i++)
            Assert.Equal(0.7 * before[i] * factor + 0.3 * before[i], guided[i], 1e-5);
    }

    [Fact]
    public void Without_rescaling_nothing_changes()
    {
        var guided = Values(20, 0.3f);
        Guidance.Rescale(guided, Values(20, 0.7f), 0);
        Assert.Equal(Values(20, 0.3f), guided);
    }

    // diffusers' get_guidance_scale_embedding(torch.tensor([8.5 - 1]), embedding_dim=8), in double
    [Fact]
    public void The_guidance_embedding_is_that_of_the_distilled_models()
    {
        var embedding = new float[8];
        Guidance.Embed(8.5f, embedding);
        double[] expected = [.. Enumerable.Range(0, 4).Select(Angle).Select(Math.Sin), .. Enumerable.Range(0, 4).Select(Angle).Select(Math.Cos)];
        for (var i = 0; i < embedding.Length; i++)
            Assert.Equal(expected[i], embedding[i], 1e-3);

        static double Angle(int i) => 7500 * Math.Exp(-i * Math.Log(10000) / 3);
    }

    [Fact]
    public void An_embedding_of_odd_length_ends_with_zero()
    {
        var embedding = new float[7];
        embedding[^1] = 9;
        Guidance.Embed(3, embedding);
        Assert.Equal(0, embedding[^1]);
    }

    [Fact]
    public void Guidance_allocates_nothing()
    {
        var (guided, text) = (Values(5000, 0.3f), Values(5000, 0.7f));
        Run();
        var before = GC.GetAllocatedBytesForCurrentThread();
        Run();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Run()
        {
            Guidance.Combine(guided, text, 7.5f);
            Guidance.Rescale(guided, text, 0.7f);
        }
    }

    private static double Deviation(float[] values)
    {
        var mean = values.Average(x => (double)x);
        return Math.Sqrt(values.Sum(x => (x - mean) * (x - mean)) / (values.Length - 1));
    }
}
