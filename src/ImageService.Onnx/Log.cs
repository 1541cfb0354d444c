using Microsoft.Extensions.Logging;

namespace ImageService.Onnx;

internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Information, "{Count} models in {Path}: {Models}")]
    public static partial void ModelsFound(ILogger logger, int count, string path, string models);

    [LoggerMessage(2, LogLevel.Warning, "The model folder {Folder} is left out: {Reason}")]
    public static partial void FolderRefused(ILogger logger, string folder, string reason);

    [LoggerMessage(3, LogLevel.Warning, "There is no folder of models at {Path} (Models:Path)")]
    public static partial void NoModelsFolder(ILogger logger, string path);

    [LoggerMessage(4, LogLevel.Information, "ONNX Runtime {Version} runs models on {Device}")]
    public static partial void RuntimeStarted(ILogger logger, string version, string device);

    [LoggerMessage(EventId = 5, Message = "The CPU is used, since no GPU can be: {Reason}")]
    public static partial void GpuUnusable(ILogger logger, LogLevel level, string reason);
}
