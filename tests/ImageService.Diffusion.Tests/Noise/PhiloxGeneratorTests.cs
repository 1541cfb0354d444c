using ImageService.Core;
using ImageService.Diffusion.Noise;

namespace ImageService.Diffusion.Tests.Noise;

public sealed class PhiloxGeneratorTests
{
    [Fact]
    public void Draws_what_A1111_draws_for_seed_0()
    {
        var drawn = new float[12];
        NoiseGenerator.Create(NoiseSource.Philox, 0).Fill(drawn);
        float[] expected =
        [
            -0.92466259f, -0.42534415f, -2.6438457f, 0.14518388f,
            -0.12086647f, -0.57972564f, -0.62285122f, -0.32838709f,
            -1.07454231f, -0.36314407f, -1.67105067f, 2.26550497f,
        ];
        Mt19937GeneratorTests.Close(expected, drawn);
    }

    [Fact]
    public void All_64_bits_of_the_seed_count()
    {
        var (low, high) = (new float[4], new float[4]);
        new PhiloxGenerator(5).Fill(low);
        new PhiloxGenerator(5 + (7L << 32)).Fill(high);
        Assert.NotEqual(low, high);
    }

    [Fact]
    public void An_element_does_not_depend_on_how_many_are_drawn()
    {
        var (few, many) = (new float[700], new float[5000]);
        new PhiloxGenerator(9).Fill(few);
        new PhiloxGenerator(9).Fill(many);
        Assert.Equal(few, many[..700]);
    }

    [Fact]
    public void A_restored_generator_goes_on_where_the_saved_one_stood() =>
        GeneratorState.GoesOnAfterRestore(seed => new PhiloxGenerator(seed == 0 ? 42 : seed), 600);

    [Fact]
    public void Draws_are_standard_normal()
    {
        var drawn = new float[100_000];
        new PhiloxGenerator(1).Fill(drawn);
        Assert.Equal(0, drawn.Average(), 0.01f);
        Assert.Equal(1, drawn.Average(x => x * x), 0.02f);
    }
}
