using ImageService.Diffusion.Denoise;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace ImageService.Worker.Tests;

public sealed class OptionsTests
{
    private static readonly WorkerModels Cpu = new([], _ => throw new InvalidOperationException(), "cpu");
    private static readonly WorkerModels Cuda = Cpu with { Provider = "cuda" };

    [Theory]
    [InlineData("Engine:MaxRows", "0")]
    [InlineData("Engine:MaxRows", "257")]
    [InlineData("Engine:ExactRows", "1")]
    [InlineData("Engine:MaxLoadedModels", "0")]
    [InlineData("Engine:MeasureSeconds", "-1")]
    [InlineData("Engine:MeasureSeconds", "301")]
    [InlineData("Engine:RowSizes:0", "4", "Engine:RowSizes:1", "2")]
    [InlineData("Worker:LeaseSeconds", "4")]
    [InlineData("Worker:LeaseSeconds", "301")]
    [InlineData("Worker:BlobAttempts", "0")]
    [InlineData("Worker:RenewSeconds", "6.1")] // of a lease of 15
    public void Values_out_of_range_are_refused_by_name(params string[] settings)
    {
        var refused = Assert.Throws<OptionsValidationException>(() =>
        {
            using var provider = Provider(settings);
            _ = provider.GetRequiredService<IOptions<EngineOptions>>().Value;
            _ = provider.GetRequiredService<IOptions<WorkerOptions>>().Value;
        });
        Assert.Contains(settings[0].Split(':')[1], refused.Message);
    }

    [Fact]
    public void Renewal_is_a_third_of_the_lease_unless_it_is_given()
    {
        using var given = Provider("Worker:LeaseSeconds", "30", "Worker:RenewSeconds", "2");
        Assert.Equal(TimeSpan.FromSeconds(2), given.GetRequiredService<IOptions<WorkerOptions>>().Value.Renewal);
        Assert.Equal(TimeSpan.FromSeconds(5), new WorkerOptions().Renewal);
    }

    [Fact]
    public void Calls_are_padded_where_shapes_cost_and_not_where_rows_do()
    {
        Assert.Empty(Policy(new EngineOptions(), Cpu).Sizes);
        Assert.Equal(RowPolicy.DeviceSizes, Policy(new EngineOptions(), Cuda).Sizes);
        Assert.Equal([3, 7], Policy(new EngineOptions { RowSizes = [3, 7] }, Cpu).Sizes);
    }

    [Theory]
    [InlineData("512x512", "1", "Engine:RowBudgets:512x512 must be 2 to 256 rows, not '1'.")]
    [InlineData("512x512", "257", "Engine:RowBudgets:512x512 must be 2 to 256 rows, not '257'.")]
    [InlineData("512x512", "many", "Engine:RowBudgets:512x512 must be 2 to 256 rows, not 'many'.")]
    [InlineData("512x500", "8", "Engine:RowBudgets:512x500 must be called WIDTHxHEIGHT in pixels, each a multiple of 8 of 8 to 8192, as 512x512.")]
    [InlineData("0x512", "8", "Engine:RowBudgets:0x512 must be called")]
    [InlineData("8200x512", "8", "Engine:RowBudgets:8200x512 must be called")]
    [InlineData("512", "8", "Engine:RowBudgets:512 must be called")]
    [InlineData("512x-8", "8", "Engine:RowBudgets:512x-8 must be called")]
    public void A_wrong_row_budget_is_refused_in_one_sentence(string size, string rows, string sentence)
    {
        using var provider = Provider($"Engine:RowBudgets:{size}", rows);
        var refused = Assert.Throws<OptionsValidationException>(() => provider.GetRequiredService<IOptions<EngineOptions>>().Value);
        Assert.StartsWith(sentence, Assert.Single(refused.Failures), StringComparison.Ordinal);
    }

    private static RowPolicy Policy(EngineOptions options, WorkerModels models) =>
        new RowBudgets(Options.Create(options), models, NullLogger<RowBudgets>.Instance).Policy;

    private static ServiceProvider Provider(params string[] settings)
    {
        var values = settings.Chunk(2).Select(p => KeyValuePair.Create(p[0], (string?)p[1]));
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(values).Build();
        return new ServiceCollection().AddLogging().AddImageWorker(configuration).BuildServiceProvider();
    }
}
