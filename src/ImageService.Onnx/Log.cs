using Microsoft.Extensions.Logging;

namespace ImageService.Onnx;

internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Information, "{Count} model(s) in {Path}: {Models}; ONNX Runtime {Version} on {Provider}")]
    public static partial void ModelsFound(ILogger logger, int count, string path, string models, string version, string provider);

    [LoggerMessage(2, LogLevel.Warning, "The model folder {Folder} is left out: {Reason}")]
    public static partial void FolderRefused(ILogger logger, string folder, string reason);

    [LoggerMessage(3, LogLevel.Warning, "The CPU is used, since no GPU can be: {Reason}")]
    public static partial void GpuUnusable(ILogger logger, string reason);
}
