using ImageService.Api.Grpc;
using ImageService.Api.Health;
using ImageService.Api.Jobs;
using ImageService.Api.Models;
using ImageService.Api.OpenApi;
using ImageService.Api.Problems;
using ImageService.Api.StartImages;
using ImageService.Hosting;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace ImageService.Api;

public static class ApiServiceCollectionExtensions
{
    /// <summary>
    /// The HTTP front end. The caller brings <see cref="Core.IJobStore"/> and <see cref="Core.IBlobStore"/>, and calls
    /// <see cref="ImageApi.UseImageApi"/> on the built application.
    /// </summary>
    public static IServiceCollection AddImageApi(this IServiceCollection services, IConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        services.AddOptionsWithValidateOnStart<ApiOptions>().Bind(configuration.GetSection(ApiOptions.Section));
        services.AddOptionsWithValidateOnStart<LimitsOptions>().Bind(configuration.GetSection(LimitsOptions.Section));
        services.AddOptions<DefaultModelOptions>().Bind(configuration.GetSection(DefaultModelOptions.Section));
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<ApiOptions>, ApiOptionsValidator>());
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<LimitsOptions>, LimitsOptionsValidator>());
        services.TryAddSingleton(TimeProvider.System);

        services.AddSingleton<TimedJobStore>();
        services.AddSingleton<ModelCatalog>();
        services.AddSingleton<JobValidator>();
        services.AddSingleton<JobEstimates>();
        services.AddSingleton<JobIntake>();
        services.AddSingleton<JobWaiter>();
        services.AddSingleton<StartImageStore>();
        services.AddSingleton<ProblemTranslation>();
        services.AddSingleton<Drain>();
        services.AddHostedService(provider => provider.GetRequiredService<Drain>());
        services.AddHostedService<QueueDepthSampler>();
        services.AddOptions<HostOptions>().Configure<IOptions<ApiOptions>>((host, api) =>
            host.AtLeast(TimeSpan.FromSeconds(api.Value.DrainSeconds + 10), configuration));

        services.ConfigureHttpJsonOptions(o => ApiJson.Configure(o.SerializerOptions));
        services.AddExceptionHandler<ProblemExceptionHandler>();
        services.AddHealthChecks().AddCheck<JobStoreHealthCheck>("job_store", tags: [HealthProbes.Ready]);
        services.AddImageOpenApi();
        services.AddImageGrpc();
        return services;
    }
}
