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

    [LoggerMessage(5, LogLevel.Warning, "The CPU is used, since no GPU can be: {Reason}")]
    public static partial void GpuUnusable(ILogger logger, string reason);

    [LoggerMessage(6, LogLevel.Warning, "{Model}: some operators have no kernel on the GPU and run on the CPU, which copies tensors back and forth (Execution:CpuFallback=false refuses such models)")]
    public static partial void FallsBack(ILogger logger, string model);

    [LoggerMessage(7, LogLevel.Warning, "{Model} cannot be captured as CUDA graphs, so each step launches its kernels one by one: {Reason}")]
    public static partial void NotCaptured(ILogger logger, string model, string reason);

    [LoggerMessage(8, LogLevel.Warning, "Device memory cannot be held between calls, so U-Net inputs are copied anew at each step and there are no CUDA graphs: {Reason}")]
    public static partial void NoDeviceMemory(ILogger logger, string reason);

    [LoggerMessage(9, LogLevel.Warning, "{Model}: {Count} combinations of size and row count are captured as CUDA graphs; further ones run without")]
    public static partial void GraphsFull(ILogger logger, string model, int count);
}
