using ImageService.Api;
using ImageService.Onnx;
using ImageService.Onnx.Runtime;
using ImageService.Storage;
using ImageService.Worker;
using Microsoft.Extensions.Options;

namespace ImageService.Standalone;

/// <summary>API, worker, store and bundled model in one process.</summary>
internal static class Server
{
    /// <returns>The exit code: 0, or 1 where the configuration or a model folder is refused.</returns>
    public static async Task<int> RunAsync(string[] arguments, CancellationToken cancellationToken)
    {
        try
        {
            await using var app = Build(arguments);
            await app.RunAsync(cancellationToken);
            return 0;
        }
        catch (Exception e) when (Refusal(e) is { } sentence)
        {
            await Console.Error.WriteLineAsync(sentence);
            return 1;
        }
    }

    private static WebApplication Build(string[] arguments)
    {
        var builder = WebApplication.CreateBuilder(arguments);
        // One worker in the same process is all there is: ready means that it has announced its models.
        builder.Configuration["Api:ReadyNeedsModel"] ??= "true";
        builder.AddApiLogging();
        builder.UseApiDefaults();
        builder.Services.AddImageService(builder.Configuration);
        var app = builder.Build();
        app.UseImageApi();
        return app;
    }

    /// <summary>The parts that serving and the command line share.</summary>
    public static IServiceCollection AddImageService(this IServiceCollection services, IConfiguration configuration) => services
        .AddStorage(configuration)
        .AddOnnxModels(configuration)
        .AddImageWorker(configuration)
        .AddImageApi(configuration);

    /// <summary>The sentence of an exception that a person can act on; null for a defect, which keeps its stack trace.</summary>
    public static string? Refusal(Exception e) => e switch
    {
        OptionsValidationException refused => string.Join(' ', refused.Failures),
        ModelFolderException or ExecutionUnavailableException or IOException => e.Message,
        AggregateException { InnerException: { } inner } => Refusal(inner),
        _ => null,
    };
}
