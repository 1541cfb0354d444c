using ImageService.Api;
using ImageService.Hosting;
using ImageService.Onnx;
using ImageService.Onnx.Runtime;
using ImageService.Storage;
using ImageService.Worker;

namespace ImageService.Standalone;

/// <summary>API, worker, store and bundled model in one process.</summary>
internal static class Server
{
    /// <returns>The exit code: 0, or 1 where the configuration or a model folder is refused.</returns>
    public static Task<int> RunAsync(string[] arguments, CancellationToken cancellationToken) =>
        HostProgram.RunAsync(() => Build(arguments), IsRefusal, cancellationToken);

    private static WebApplication Build(string[] arguments)
    {
        var builder = HostProgram.CreateBuilder(arguments);
        // One worker in the same process is all there is: ready means that it has announced its models.
        builder.Configuration["Api:ReadyNeedsModel"] ??= "true";
        builder.AddConsoleLogging().AddTelemetry("imageservice").UseApiDefaults();
        builder.Services.AddImageService(builder.Configuration);
        var app = builder.Build();
        app.UseImageApi();
        app.MapMetrics();
        return app;
    }

    /// <summary>The parts that serving and the command line share.</summary>
    public static IServiceCollection AddImageService(this IServiceCollection services, IConfiguration configuration) => services
        .AddStorage(configuration)
        .AddOnnxModels(configuration)
        .AddImageWorker(configuration)
        .AddImageApi(configuration);

    /// <summary>As <see cref="HostProgram.Sentence"/>.</summary>
    public static string? Refusal(Exception e) => HostProgram.Sentence(e, IsRefusal);

    private static bool IsRefusal(Exception e) => e is ModelFolderException or ExecutionUnavailableException;
}
