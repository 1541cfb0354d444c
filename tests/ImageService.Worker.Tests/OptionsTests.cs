using ImageService.Diffusion.Denoise;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
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
    [InlineData("Engine:RowSizes:0", "4", "Engine:RowSizes:1", "2")]
    [InlineData("Worker:LeaseSeconds", "4")]
    [InlineData("Worker:LeaseSeconds", "301")]
    [InlineData("Worker:BlobAttempts", "0")]
    [InlineData("Worker:RenewSeconds", "15")]
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
        Assert.Empty(new EngineOptions().PolicyFor(Cpu).Sizes);
        Assert.Equal(RowPolicy.DeviceSizes, new EngineOptions().PolicyFor(Cuda).Sizes);
        Assert.Equal([3, 7], new EngineOptions { RowSizes = [3, 7] }.PolicyFor(Cpu).Sizes);
    }

    private static ServiceProvider Provider(params string[] settings)
    {
        var values = settings.Chunk(2).Select(p => KeyValuePair.Create(p[0], (string?)p[1]));
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(values).Build();
        return new ServiceCollection().AddLogging().AddImageWorker(configuration).BuildServiceProvider();
    }
}
