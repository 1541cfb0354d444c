using Microsoft.Extensions.Logging;

namespace ImageService.Storage;

internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Information, "{Count} old jobs removed with their blobs")]
    public static partial void JobsRemoved(ILogger logger, int count);

    [LoggerMessage(2, LogLevel.Information, "{JobId}: {Count} blobs removed that no result names")]
    public static partial void OrphansRemoved(ILogger logger, string jobId, int count);

    [LoggerMessage(3, LogLevel.Warning, "Old jobs and blobs could not be swept, the next minute tries again: {Reason}")]
    public static partial void SweepFailed(ILogger logger, string reason);
}
