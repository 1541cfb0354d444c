using Microsoft.Extensions.Logging;

namespace ImageService.Onnx;

internal static partial class Log
{
    [LoggerMessage(Level = LogLevel.Information, Message = "{Count} model(s) in {Path}; ONNX Runtime {Version} on {Provider}")]
    public static partial void ModelsFound(this ILogger logger, int count, string path, string provider, string version);

    [LoggerMessage(Level = LogLevel.Warning, Message = "A model folder is left out: {Reason}")]
    public static partial void ModelRefused(this ILogger logger, string reason);
}
