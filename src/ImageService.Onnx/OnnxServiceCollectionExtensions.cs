using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace ImageService.Onnx;

public static class OnnxServiceCollectionExtensions
{
    /// <summary>The model folders of <c>Models:Path</c> on the device of <c>Execution:Provider</c>, as <see cref="OnnxModels"/>.</summary>
    public static IServiceCollection AddOnnxModels(this IServiceCollection services, IConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        services.AddOptions<ModelsOptions>().Bind(configuration.GetSection(ModelsOptions.Section));
        services.AddOptionsWithValidateOnStart<ExecutionOptions>().Bind(configuration.GetSection(ExecutionOptions.Section));
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<ExecutionOptions>, ExecutionOptionsValidator>());
        services.TryAddSingleton<OnnxModels>();
        return services;
    }
}
