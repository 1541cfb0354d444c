using ImageService.Core;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace ImageService.Storage.Tests;

public sealed class StorageRegistrationTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Store_and_queue_are_one_instance_and_a_second_call_changes_nothing()
    {
        var configuration = Configuration();
        var services = new ServiceCollection().AddLogging().AddStorage(configuration).AddStorage(configuration);
        using var provider = services.BuildServiceProvider();
        Assert.Same(provider.GetRequiredService<IJobStore>(), provider.GetRequiredService<IJobQueue>());
        Assert.Single(provider.GetServices<IJobStore>());
        Assert.Single(provider.GetServices<IHostedService>());
        Assert.NotNull(provider.GetRequiredService<IBlobStore>());
        Assert.True(File.Exists(Path.Combine(folder.Path, "jobs.db")));
    }

    [Theory]
    [InlineData("Jobs:Store", "postgres", "Jobs:Store must be ")]
    [InlineData("Jobs:SqliteSynchronous", "off", "Jobs:SqliteSynchronous must be normal or full.")]
    [InlineData("Jobs:RetentionHours", "0", "JobsOptions.RetentionHours must be between 1 and 87600.")]
    [InlineData("Jobs:SqlitePath", "", "Jobs:SqlitePath must name a file.")]
    [InlineData("Redis:Connection", "", "Redis:Connection must name a server")]
    [InlineData("Redis:KeyPrefix", "no-braces", "Redis:KeyPrefix must be ")]
    [InlineData("Blobs:Store", "tape", "Blobs:Store must be ")]
    [InlineData("Blobs:DiskPath", "", "Blobs:DiskPath must name a folder.")]
    [InlineData("Limits:MaxQueuedJobs", "0", "QueueLimitsOptions.MaxQueuedJobs must be between 1 and 1000000.")]
    [InlineData("Limits:MaxQueuedJobs", "1000001", "QueueLimitsOptions.MaxQueuedJobs must be between 1 and 1000000.")]
    public void A_wrong_option_stops_the_start_with_one_sentence(string key, string value, string expected)
    {
        var services = new ServiceCollection().AddLogging().AddStorage(Configuration((key, value)));
        using var provider = services.BuildServiceProvider();
        var e = Assert.ThrowsAny<Exception>(() => provider.GetRequiredService<IStartupValidator>().Validate());
        Assert.Contains(expected, e.Message, StringComparison.Ordinal);
    }

    private IConfiguration Configuration(params (string Key, string Value)[] more)
    {
        var values = new Dictionary<string, string?>
        {
            ["Jobs:SqlitePath"] = Path.Combine(folder.Path, "jobs.db"),
            ["Blobs:DiskPath"] = Path.Combine(folder.Path, "blobs"),
        };
        foreach (var (key, value) in more)
            values[key] = value;
        return new ConfigurationBuilder().AddInMemoryCollection(values).Build();
    }
}
