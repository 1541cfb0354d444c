using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace ImageService.Onnx;

public static class OnnxServiceCollectionExtensions
{
    /// <summary>Registers <see cref="OnnxModels"/>, configured by the sections <c>Models</c> and <c>Execution</c>. Folders are read when it is first resolved.</summary>
    public static IServiceCollection AddOnnxModels(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<OnnxOptions>().Bind(configuration).ValidateOnStart();
        services.AddSingleton<IValidateOptions<OnnxOptions>, OnnxOptionsValidator>();
        services.AddSingleton<OnnxModels>();
        return services;
    }
}
