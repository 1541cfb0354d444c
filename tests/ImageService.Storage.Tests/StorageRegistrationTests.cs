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
    [InlineData("Blobs:SignedUrlMinutes", "0", "BlobsOptions.SignedUrlMinutes must be between 1 and 10080.")]
    [InlineData("Blobs:S3:Bucket", "Not_A_Bucket", "Blobs:S3:Bucket must be 3 to 63 ")]
    [InlineData("Blobs:S3:ServiceUrl", "objects:8333", "Blobs:S3:ServiceUrl must be an http or https URL.")]
    [InlineData("Blobs:S3:Checksums", "always", "Blobs:S3:Checksums must be ")]
    [InlineData("Blobs:Azure:Container", "Pictures", "Blobs:Azure:Container must be ")]
    [InlineData("Blobs:Store", "s3", "Blobs:S3:Bucket must name the bucket when Blobs:Store is s3.")]
    [InlineData("Blobs:Store", "azure", "Blobs:Azure:ConnectionString or Blobs:Azure:ServiceUrl must name the account when Blobs:Store is azure.")]
    [InlineData("Limits:MaxQueuedJobs", "0", "QueueLimitsOptions.MaxQueuedJobs must be between 1 and 1000000.")]
    [InlineData("Limits:MaxQueuedJobs", "1000001", "QueueLimitsOptions.MaxQueuedJobs must be between 1 and 1000000.")]
    public void A_wrong_option_stops_the_start_with_one_sentence(string key, string value, string expected)
    {
        var services = new ServiceCollection().AddLogging().AddStorage(Configuration((key, value)));
        using var provider = services.BuildServiceProvider();
        var e = Assert.ThrowsAny<Exception>(() => provider.GetRequiredService<IStartupValidator>().Validate());
        Assert.Contains(expected, e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("s3", "Blobs:S3:Bucket", "pictures", "Blobs:S3:ServiceUrl", "http://127.0.0.1:1")]
    [InlineData("azure", "Blobs:Azure:ServiceUrl", "https://account.blob.core.windows.net", "Blobs:Azure:Container", "pictures")]
    public void An_object_store_is_opened_when_the_settings_say_so(string store, string key, string value, string key2, string value2)
    {
        var services = new ServiceCollection().AddLogging().AddStorage(Configuration(("Blobs:Store", store), (key, value), (key2, value2)));
        using var provider = services.BuildServiceProvider();
        provider.GetRequiredService<IStartupValidator>().Validate();
        Assert.NotNull(provider.GetRequiredService<IBlobStore>());
        Assert.False(Directory.Exists(Path.Combine(folder.Path, "blobs")));
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
