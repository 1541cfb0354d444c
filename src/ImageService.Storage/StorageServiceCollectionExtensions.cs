using ImageService.Core;
using ImageService.Storage.Azure;
using ImageService.Storage.Disk;
using ImageService.Storage.Redis;
using ImageService.Storage.S3;
using ImageService.Storage.Sqlite;
using ImageService.Storage.Telemetry;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace ImageService.Storage;

public static class StorageServiceCollectionExtensions
{
    /// <summary>
    /// Registers <see cref="IJobStore"/> and <see cref="IJobQueue"/> (one instance), <see cref="IBlobStore"/> and the sweeper, as the sections
    /// <c>Jobs</c>, <c>Blobs</c> and <c>Limits</c> say. May be called by an API and a worker in one process: the second call changes nothing.
    /// </summary>
    public static IServiceCollection AddStorage(this IServiceCollection services, IConfiguration configuration)
    {
        if (services.Any(s => s.ServiceType == typeof(IJobRetention)))
            return services;
        services.TryAddSingleton(TimeProvider.System);
        services.AddOptions<JobsOptions>().Bind(configuration.GetSection(JobsOptions.Section)).ValidateOnStart();
        services.AddOptions<BlobsOptions>().Bind(configuration.GetSection(BlobsOptions.Section)).ValidateOnStart();
        services.AddOptions<QueueLimitsOptions>().Bind(configuration.GetSection(QueueLimitsOptions.Section)).ValidateOnStart();
        services.AddOptions<RedisOptions>().Bind(configuration.GetSection(RedisOptions.Section)).ValidateOnStart();
        services.AddSingleton<IValidateOptions<RedisOptions>, RedisOptionsValidator>();
        services.AddSingleton<IValidateOptions<JobsOptions>, JobsOptionsValidator>();
        services.AddSingleton<IValidateOptions<BlobsOptions>, BlobsOptionsValidator>();
        services.AddSingleton<IValidateOptions<BlobsOptions>, BlobStoreSettings>();
        services.AddSingleton<IValidateOptions<QueueLimitsOptions>, QueueLimitsOptionsValidator>();

        // One of the two, by configuration, and only that one is opened.
        services.AddSingleton(OpenJobs);
        services.AddSingleton<WatchedJobs>();
        services.AddSingleton<IJobStore>(provider => provider.GetRequiredService<WatchedJobs>());
        services.AddSingleton<IJobQueue>(provider => provider.GetRequiredService<WatchedJobs>());
        services.AddSingleton<IBlobStore>(provider => new WatchedBlobs(OpenBlobs(provider)));
        services.AddHostedService<StorageSweeper>();
        return services;
    }

    private static IJobRetention OpenJobs(IServiceProvider provider)
    {
        var jobs = provider.GetRequiredService<IOptions<JobsOptions>>().Value;
        var limits = provider.GetRequiredService<IOptions<QueueLimitsOptions>>().Value;
        return jobs.Store == JobsOptions.Redis
            ? new RedisJobs(provider.GetRequiredService<IOptions<RedisOptions>>().Value, jobs, limits)
            : new SqliteJobs(jobs, limits, provider.GetRequiredService<TimeProvider>());
    }

    private static IBlobStore OpenBlobs(IServiceProvider provider)
    {
        var blobs = provider.GetRequiredService<IOptions<BlobsOptions>>().Value;
        var time = provider.GetRequiredService<TimeProvider>();
        TimeSpan? urlLifetime = blobs.SignedUrls ? TimeSpan.FromMinutes(blobs.SignedUrlMinutes) : null;
        return blobs.Store switch
        {
            BlobsOptions.S3Store => new S3Blobs(blobs.S3, urlLifetime, time),
            BlobsOptions.AzureStore => new AzureBlobs(blobs.Azure, urlLifetime, time),
            _ => new DiskBlobs(blobs, time),
        };
    }
}
