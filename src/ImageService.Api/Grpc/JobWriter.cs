using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using ImageService.Api.Jobs;
using ImageService.Core;
using Wire = ImageService.V1;

namespace ImageService.Api.Grpc;

/// <summary>Jobs, events and models as messages.</summary>
internal static class JobWriter
{
    /// <param name="times">The job's, with a progress event.</param>
    public static Wire.JobEvent From(JobEvent happened, JobId id, JobTimes times, PathString pathBase)
    {
        var message = new Wire.JobEvent { Sequence = happened.Sequence, At = Timestamp.FromDateTimeOffset(happened.At), JobId = id.Value };
        switch (happened)
        {
            case JobProgress progress:
                message.Progress = new Wire.Progress
                {
                    Status = From(progress.Status),
                    Step = progress.Step,
                    Steps = progress.Steps,
                    EstimatedStartAt = At(times.StartAt),
                    EstimatedFinishAt = At(times.FinishAt),
                };
                if (progress.QueuePosition is { } position)
                    message.Progress.QueuePosition = position;
                break;
            case JobPreview preview:
                message.Preview = new Wire.Preview
                {
                    Index = preview.Index,
                    Step = preview.Step,
                    Steps = preview.Steps,
                    Content = UnsafeByteOperations.UnsafeWrap(preview.Content), // events never change
                    ContentType = preview.ContentType,
                    Width = preview.Width,
                    Height = preview.Height,
                };
                break;
            case JobFinished finished:
                message.Done = From(finished.Job, default, pathBase);
                break;
            default:
                throw new InvalidOperationException($"{happened.GetType().Name} has no form on the wire.");
        }
        return message;
    }

    /// <param name="pathBase">Prefix under which the service is mounted, for the pictures' addresses.</param>
    public static Wire.Job From(Job job, JobTimes times, PathString pathBase)
    {
        var request = job.Request;
        var message = new Wire.Job
        {
            Id = job.Id.Value,
            Status = From(job.Status),
            Step = job.Step,
            Steps = job.Steps,
            Seed = request.Seed,
            Attempts = job.Attempts,
            CreatedAt = Timestamp.FromDateTimeOffset(job.CreatedAt),
            StartedAt = At(job.StartedAt),
            FinishedAt = At(job.FinishedAt),
            EstimatedStartAt = At(times.StartAt),
            EstimatedFinishAt = At(times.FinishAt),
            Model = request.Model,
            Prompt = request.Prompt,
            Width = request.Width,
            Height = request.Height,
            Images = { job.Images.Select(i => From(ImageResponse.From(job.Id, i, pathBase))) },
            Warnings = { job.Warnings },
        };
        if (job.QueuePosition is { } position)
            message.QueuePosition = position;
        if (job.Error is { } error)
            message.Error = new Wire.Error { Code = error.Code, Message = error.Message };
        if (job.Timings is { } t)
            message.Timings = new Wire.Timings { Queued = t.Queued, Admission = t.Admission, Encode = t.Encode, Denoise = t.Denoise, Decode = t.Decode, Upload = t.Upload, RowSteps = t.RowSteps };
        foreach (var (key, value) in request.Metadata ?? new Dictionary<string, string>())
            message.Metadata.Add(key, value);
        return message;
    }

    public static Wire.Model From(ModelDescription model) => new()
    {
        Id = model.Id,
        Family = ApiJson.WordFor(model.Family),
        SizeMultiple = model.SizeMultiple,
        DefaultWidth = model.DefaultWidth,
        DefaultHeight = model.DefaultHeight,
        DefaultSteps = model.DefaultSteps,
        DefaultGuidanceScale = model.DefaultGuidanceScale,
        DefaultGuidanceRescale = model.DefaultGuidanceRescale,
        DefaultScheduler = model.DefaultScheduler,
        SupportsImageToImage = model.SupportsImageToImage,
        RequiresMask = model.RequiresMask,
        MaxClipSkip = model.MaxClipSkip,
        ContextLength = model.ContextLength,
        Hash = model.Hash,
    };

    private static Wire.Image From(ImageResponse image) => new()
    {
        Index = image.Index,
        Seed = image.Seed,
        Url = image.Url,
        Sha256 = image.Sha256,
        Bytes = image.Bytes,
        Width = image.Width,
        Height = image.Height,
    };

    private static Wire.JobStatus From(JobStatus status) => status switch
    {
        JobStatus.Queued => Wire.JobStatus.Queued,
        JobStatus.Running => Wire.JobStatus.Running,
        JobStatus.Succeeded => Wire.JobStatus.Succeeded,
        JobStatus.Failed => Wire.JobStatus.Failed,
        JobStatus.Canceled => Wire.JobStatus.Canceled,
        _ => throw new ArgumentOutOfRangeException(nameof(status), status, null),
    };

    private static Timestamp? At(DateTimeOffset? time) => time is { } known ? Timestamp.FromDateTimeOffset(known) : null;
}
