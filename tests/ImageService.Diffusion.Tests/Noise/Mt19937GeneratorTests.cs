using ImageService.Core;
using ImageService.Diffusion.Noise;
using ImageService.Diffusion.Tests.Golden;

namespace ImageService.Diffusion.Tests.Noise;

public sealed class Mt19937GeneratorTests
{
    public static TheoryData<int> Cases => [.. Enumerable.Range(0, GoldenFile.Read<GoldenNoise>("rng.json").Cases.Count)];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Draws_what_torch_draws(int index)
    {
        var golden = GoldenFile.Read<GoldenNoise>("rng.json").Cases[index];
        var generator = NoiseGenerator.Create(NoiseSource.Mt19937, golden.Seed);
        var drawn = new float[golden.Shape.Aggregate(1, (a, b) => a * b)];

        generator.Fill(drawn);
        Close(golden.First, drawn.AsSpan(0, golden.First.Length));
        Close(golden.Last, drawn.AsSpan(drawn.Length - golden.Last.Length));
        Assert.Equal(golden.Mean, drawn.Average(x => (double)x), 6);

        generator.Fill(drawn);
        Close(golden.SecondDrawFirst, drawn.AsSpan(0, golden.SecondDrawFirst.Length));
    }

    [Fact]
    public void Only_the_low_32_bits_of_the_seed_count()
    {
        var (low, high) = (new float[20], new float[20]);
        new Mt19937Generator(5).Fill(low);
        new Mt19937Generator(5 + (7L << 32)).Fill(high);
        Assert.Equal(low, high);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(1000)]
    public void A_restored_generator_goes_on_where_the_saved_one_stood(int length)
    {
        GeneratorState.GoesOnAfterRestore(seed => new Mt19937Generator(seed), length);
    }

    // The goldens are printed with 7 digits.
    internal static void Close(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual)
    {
        for (var i = 0; i < expected.Length; i++)
            Assert.True(Math.Abs(expected[i] - actual[i]) <= 1e-6, $"element {i}: {actual[i]:G9} instead of {expected[i]:G9}");
    }
}
