using ImageService.Core;
using ImageService.Storage.Disk;
using ImageService.Storage.Redis;
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
        services.AddSingleton<IValidateOptions<QueueLimitsOptions>, QueueLimitsOptionsValidator>();

        // One of the two, by configuration, and only that one is opened.
        services.AddSingleton(OpenJobs);
        services.AddSingleton<WatchedJobs>();
        services.AddSingleton<IJobStore>(provider => provider.GetRequiredService<WatchedJobs>());
        services.AddSingleton<IJobQueue>(provider => provider.GetRequiredService<WatchedJobs>());
        services.AddSingleton<IBlobStore>(provider => new WatchedBlobs(new DiskBlobs(
            provider.GetRequiredService<IOptions<BlobsOptions>>().Value, provider.GetRequiredService<TimeProvider>())));
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
}
