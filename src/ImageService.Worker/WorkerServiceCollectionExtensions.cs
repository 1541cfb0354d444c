using ImageService.Diffusion.Denoise;
using ImageService.Hosting;
using ImageService.Worker.Health;
using ImageService.Onnx;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace ImageService.Worker;

public static class WorkerServiceCollectionExtensions
{
    /// <summary>
    /// Registers the worker: models, engine thread, pump. <see cref="Core.IJobQueue"/> and <see cref="Core.IBlobStore"/> must be registered besides it.
    /// Configuration sections: <c>Worker</c>, <c>Engine</c>, and those of <see cref="OnnxServiceCollectionExtensions.AddOnnxModels"/>.
    /// </summary>
    public static IServiceCollection AddImageWorker(this IServiceCollection services, IConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        services.TryAddSingleton(TimeProvider.System);
        services.AddOptions<WorkerOptions>().Bind(configuration.GetSection(WorkerOptions.Section)).ValidateOnStart();
        services.AddOptions<EngineOptions>().Bind(configuration.GetSection(EngineOptions.Section)).ValidateOnStart();
        services.AddSingleton<IValidateOptions<WorkerOptions>, WorkerOptionsValidator>();
        services.AddSingleton<IValidateOptions<EngineOptions>, EngineOptionsValidator>();
        // The host must not give up before the drain does.
        services.AddOptions<HostOptions>().Configure<IOptions<WorkerOptions>>((host, worker) => host.AtLeast(worker.Value.Grace + TimeSpan.FromSeconds(5), configuration));

        services.AddOnnxModels(configuration);
        services.AddSingleton(provider =>
        {
            var onnx = provider.GetRequiredService<OnnxModels>();
            return new PngFormat(onnx.Provider, onnx.RuntimeVersion);
        });
        services.AddSingleton(provider => provider.GetRequiredService<PngFormat>().Format);
        services.AddSingleton(provider =>
        {
            var (onnx, png) = (provider.GetRequiredService<OnnxModels>(), provider.GetRequiredService<PngFormat>());
            return new WorkerModels(onnx.Descriptions, id => png.Learned(onnx.Load(id)), onnx.Provider, provider.GetRequiredService<IOptions<OnnxOptions>>().Value.Models.Default);
        });
        services.AddSingleton(provider => new ModelPool(provider.GetRequiredService<WorkerModels>(), EngineOf(provider).MaxLoadedModels,
            provider.GetRequiredService<ILogger<ModelPool>>(), provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<RowBudgets>();
        services.AddSingleton(provider => provider.GetRequiredService<RowBudgets>().Policy);
        services.AddSingleton(JobPreparation.Create());
        services.AddSingleton<PaceMeter>();
        services.AddSingleton<EngineThread>();
        services.AddSingleton<PictureWriter>();
        services.AddSingleton<StoreRetry>();
        services.AddSingleton<JobRunServices>();
        services.AddSingleton<LeaseKeeper>();
        services.AddSingleton<HostExit>();
        services.AddHostedService<JobPump>();
        services.AddSingleton<ModelAnnouncer>();
        services.AddHostedService(provider => provider.GetRequiredService<ModelAnnouncer>());
        services.AddHealthChecks()
            .AddCheck<EngineHealthCheck>("engine", tags: [HealthProbes.Live])
            .AddCheck<WorkerHealthCheck>("worker", tags: [HealthProbes.Ready]);
        return services;
    }

    private static EngineOptions EngineOf(IServiceProvider provider) => provider.GetRequiredService<IOptions<EngineOptions>>().Value;
}
