using ImageService.Core;

namespace ImageService.Api.Jobs;

/// <summary>A job: what was asked, with every default filled in, how far it is, and what came out.</summary>
internal sealed record JobResponse
{
    /// <summary>Name of the job.</summary>
    /// <example>job_01k9z3v7m8q2r4t6w8y0a2c4e6</example>
    public required string Id { get; init; }

    /// <summary><c>queued</c>, <c>running</c>, or finally <c>succeeded</c>, <c>failed</c> or <c>canceled</c>.</summary>
    public required JobStatus Status { get; init; }

    /// <summary>While queued: how many jobs stand before this one.</summary>
    public int? QueuePosition { get; init; }

    /// <summary>U-Net evaluations done for each picture.</summary>
    public int Step { get; init; }

    /// <summary>U-Net evaluations in all for each picture; 0 until work has begun.</summary>
    public int Steps { get; init; }

    public required string Model { get; init; }
    public required string Prompt { get; init; }
    public required string NegativePrompt { get; init; }
    public int Width { get; init; }
    public int Height { get; init; }
    public int NumInferenceSteps { get; init; }
    public float GuidanceScale { get; init; }
    public float GuidanceRescale { get; init; }
    public required string Scheduler { get; init; }

    /// <summary>Seed of the first picture; picture i has seed + i.</summary>
    public long Seed { get; init; }

    public NoiseSource Rng { get; init; }
    public int NumImages { get; init; }
    public int? ClipSkip { get; init; }
    public PromptSyntax PromptSyntax { get; init; }

    /// <summary><c>text_to_image</c>, <c>image_to_image</c> or <c>inpaint</c>.</summary>
    public required string Mode { get; init; }

    /// <summary>How much of the start image is replaced; null without one.</summary>
    public float? Strength { get; init; }

    public int PreviewEvery { get; init; }
    public OutputFormat OutputFormat { get; init; }
    public Determinism Determinism { get; init; }
    public int Priority { get; init; }

    /// <summary>The pictures, once the job has succeeded.</summary>
    public required IReadOnlyList<ImageResponse> Images { get; init; }

    /// <summary>Why a failed job failed.</summary>
    public JobErrorResponse? Error { get; init; }

    /// <summary>What was done otherwise than the request might suggest.</summary>
    public required IReadOnlyList<string> Warnings { get; init; }

    /// <summary>Where the time went.</summary>
    public JobTimingsResponse? Timings { get; init; }

    /// <summary>How often work on the job was begun.</summary>
    public int Attempts { get; init; }

    public IReadOnlyDictionary<string, string>? Metadata { get; init; }
    public DateTimeOffset CreatedAt { get; init; }
    public DateTimeOffset? StartedAt { get; init; }
    public DateTimeOffset? FinishedAt { get; init; }

    /// <summary>
    /// While queued: when work on it will begin, from the pace that workers measured and what waits before it. Null in lists, and while no worker has
    /// measured the model's pace.
    /// </summary>
    public DateTimeOffset? EstimatedStartAt { get; init; }

    /// <summary>While queued or running: when its pictures will be there. Null where <c>estimated_start_at</c> would be.</summary>
    public DateTimeOffset? EstimatedFinishAt { get; init; }

    /// <param name="pathBase">Prefix under which the service is mounted, for the pictures' addresses.</param>
    public static JobResponse From(Job job, PathString pathBase, JobTimes times = default)
    {
        var request = job.Request;
        return new JobResponse
        {
            Id = job.Id.Value,
            Status = job.Status,
            QueuePosition = job.QueuePosition,
            Step = job.Step,
            Steps = job.Steps,
            Model = request.Model,
            Prompt = request.Prompt,
            NegativePrompt = request.NegativePrompt,
            Width = request.Width,
            Height = request.Height,
            NumInferenceSteps = request.NumInferenceSteps,
            GuidanceScale = request.GuidanceScale,
            GuidanceRescale = request.GuidanceRescale,
            Scheduler = request.Scheduler,
            Seed = request.Seed,
            Rng = request.Rng,
            NumImages = request.NumImages,
            ClipSkip = request.ClipSkip,
            PromptSyntax = request.PromptSyntax,
            Mode = request switch { { MaskImage: not null } => "inpaint", { Image: not null } => "image_to_image", _ => "text_to_image" },
            Strength = request.Image is null ? null : request.Strength,
            PreviewEvery = request.PreviewEvery,
            OutputFormat = request.OutputFormat,
            Determinism = request.Determinism,
            Priority = request.Priority,
            Images = [.. job.Images.Select(i => ImageResponse.From(job.Id, i, pathBase))],
            Error = job.Error is { } error ? new JobErrorResponse(error.Code, error.Message) : null,
            Warnings = job.Warnings,
            Timings = JobTimingsResponse.From(job.Timings),
            Attempts = job.Attempts,
            Metadata = request.Metadata,
            CreatedAt = job.CreatedAt,
            StartedAt = job.StartedAt,
            FinishedAt = job.FinishedAt,
            EstimatedStartAt = times.StartAt,
            EstimatedFinishAt = times.FinishAt,
        };
    }
}
