using ImageService.Core;
using ImageService.Hosting;
using ImageService.Diffusion.Denoise;

namespace ImageService.Worker;

internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Debug, "{JobId} leased with token {Token}, attempt {Attempt}, {StateBytes} bytes of earlier work")]
    public static partial void JobLeased(ILogger logger, JobId jobId, long token, int attempt, int stateBytes);

    [LoggerMessage(2, LogLevel.Information, "{JobId} drawn: {Images} images, {DenoiseSeconds:0.00} s of denoising, {RowSteps} row-steps")]
    public static partial void JobCompleted(ILogger logger, JobId jobId, int images, double denoiseSeconds, long rowSteps);

    [LoggerMessage(3, LogLevel.Warning, "{JobId} failed with {Code}: {Reason} (may be tried again: {Retry})")]
    public static partial void JobFailed(ILogger logger, Exception? exception, JobId jobId, string code, string reason, bool retry);

    [LoggerMessage(4, LogLevel.Information, "{JobId} dropped: it was canceled or its lease {Token} is gone")]
    public static partial void JobLost(ILogger logger, JobId jobId, long token);

    [LoggerMessage(5, LogLevel.Information, "{JobId} handed back with {StateBytes} bytes of work done")]
    public static partial void JobReleased(ILogger logger, JobId jobId, int stateBytes);

    [LoggerMessage(6, LogLevel.Error, "{JobId} could not be ended; it returns to the queue when its lease runs out")]
    public static partial void RunFailed(ILogger logger, Exception exception, JobId jobId);

    [LoggerMessage(7, LogLevel.Warning, "{JobId}: a report of its progress was lost")]
    public static partial void ReportFailed(ILogger logger, Exception exception, JobId jobId);

    [LoggerMessage(8, LogLevel.Warning, "{JobId}: writing {Blob} failed at attempt {Attempt}; the next follows in {Seconds} s")]
    public static partial void BlobRetried(ILogger logger, Exception exception, JobId jobId, string blob, int attempt, double seconds);

    [LoggerMessage(9, LogLevel.Warning, "The job store is unavailable; the call is repeated in {Seconds} s")]
    public static partial void StoreUnavailable(ILogger logger, Exception exception, double seconds);

    [LoggerMessage(10, LogLevel.Warning, "Leases could not be renewed")]
    public static partial void RenewalFailed(ILogger logger, Exception exception);

    [LoggerMessage(11, LogLevel.Warning, "Cancellations cannot be heard for the moment; renewals tell of them later")]
    public static partial void CancellationsFailed(ILogger logger, Exception exception);

    [LoggerMessage(12, LogLevel.Warning, "No jobs could be leased")]
    public static partial void LeaseFailed(ILogger logger, Exception exception);

    [LoggerMessage(13, LogLevel.Warning, "The models could not be announced")]
    public static partial void AnnounceFailed(ILogger logger, Exception exception);

    [LoggerMessage(14, LogLevel.Warning, "This worker has no models and will take no jobs")]
    public static partial void NoModels(ILogger logger);

    [LoggerMessage(15, LogLevel.Information, "Stopping within {Seconds} s: {Staying} jobs are finished, {Leaving} handed back")]
    public static partial void Draining(ILogger logger, int staying, int leaving, double seconds);

    [LoggerMessage(16, LogLevel.Warning, "{Jobs} jobs could not be handed back; they return to the queue when their leases run out")]
    public static partial void DrainIncomplete(ILogger logger, Exception exception, int jobs);

    [LoggerMessage(17, LogLevel.Information, "Model {ModelId} loaded in {Seconds:0.0} s")]
    public static partial void ModelLoaded(ILogger logger, string modelId, double seconds);

    [LoggerMessage(18, LogLevel.Information, "Model {ModelId} unloaded to make room")]
    public static partial void ModelUnloaded(ILogger logger, string modelId);

    [LoggerMessage(19, LogLevel.Error, "Model {ModelId} could not be loaded")]
    public static partial void ModelNotLoaded(ILogger logger, Exception exception, string modelId);

    [LoggerMessage(20, LogLevel.Warning, "Model {ModelId} takes one timestep for a whole call: only pictures at the same timestep share its U-Net. Export it with a timestep input of shape [rows] to batch all of them")]
    public static partial void ScalarTimestep(ILogger logger, string modelId);

    [LoggerMessage(21, LogLevel.Critical, "The engine failed; its jobs go back to the queue")]
    public static partial void EngineFailed(ILogger logger, Exception exception);

    [LoggerMessage(22, LogLevel.Information, "Row budget of {ModelId} at {Width}x{Height}: {Rows} rows a call, measured in {Seconds:0.0} s ({Calls}; ended: {End})")]
    public static partial void RowsMeasured(ILogger logger, string modelId, int width, int height, int rows, string calls, MeasuredEnd end, double seconds);

    [LoggerMessage(23, LogLevel.Warning, "The measurement of {ModelId}'s row budget ended with a call that failed; mostly that is the end of the memory")]
    public static partial void MeasurementFailed(ILogger logger, Exception exception, string modelId);

    [LoggerMessage(24, LogLevel.Warning, "Row budget of {ModelId} at {Width}x{Height} lowered to {Rows} rows: more do not fit into the device's memory. Engine:RowBudgets can say so from the start")]
    public static partial void RowsLowered(ILogger logger, string modelId, int width, int height, int rows);

    [LoggerMessage(25, LogLevel.Critical, "The device is lost; the jobs are handed back and the process ends with exit code {ExitCode}")]
    private static partial void DeviceLost(ILogger logger, Exception exception, int exitCode);

    public static void DeviceLost(ILogger logger, Exception exception) => DeviceLost(logger, exception, HostProgram.DeviceLost);

    [LoggerMessage(26, LogLevel.Information, "Model {ModelId} warmed up at {Width}x{Height} in {Seconds:0.0} s: {Calls}")]
    public static partial void WarmedUp(ILogger logger, string modelId, int width, int height, string calls, double seconds);
}
