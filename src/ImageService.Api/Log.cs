namespace ImageService.Api;

internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Information, "{Job} accepted: {Images} x {Width}x{Height}, {Steps} steps of {Scheduler} with {Model}")]
    public static partial void JobAccepted(this ILogger logger, string job, int images, int width, int height, int steps, string scheduler, string model);

    [LoggerMessage(2, LogLevel.Warning, "{Method} {Path} answered 503: {Reason}")]
    public static partial void Unavailable(this ILogger logger, string method, string path, string reason);

    [LoggerMessage(3, LogLevel.Error, "{Method} {Path} failed")]
    public static partial void RequestFailed(this ILogger logger, Exception exception, string method, string path);

    [LoggerMessage(4, LogLevel.Warning, "{Job}: its event stream ended early: {Reason}")]
    public static partial void StreamInterrupted(this ILogger logger, string job, string reason);

    [LoggerMessage(5, LogLevel.Warning, "{Job}: start images of a request that was not taken stay behind: {Reason}")]
    public static partial void StartImagesLeft(this ILogger logger, string job, string reason);

    [LoggerMessage(6, LogLevel.Warning, "{Job} goes on although its caller has left: {Reason}")]
    public static partial void NotAbandoned(this ILogger logger, string job, string reason);
}
