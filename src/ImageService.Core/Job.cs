namespace ImageService.Core;

public enum JobStatus
{
    Queued,
    Running,
    Succeeded,
    Failed,
    Canceled,
}

/// <summary>A job as its store knows it. The last three states are final: they never change again.</summary>
public sealed record Job
{
    public required JobId Id { get; init; }
    public required GenerationRequest Request { get; init; }
    public required JobStatus Status { get; init; }

    /// <summary>Who asked: the API key's id, else the caller's address. Fair queues turn between clients.</summary>
    public string Client { get; init; } = "";

    /// <summary>While queued: how many jobs stand before this one; 0 = next.</summary>
    public int? QueuePosition { get; init; }

    /// <summary>While queued or running: the work it meets, from which <see cref="WaitEstimate"/> tells its times. Left out of lists.</summary>
    public QueueLoad? Load { get; init; }

    /// <summary>U-Net evaluations done for each picture, at most <see cref="Steps"/>; with several pictures the mean, rounded down.</summary>
    public int Step { get; init; }

    /// <summary>U-Net evaluations in all for each picture; 0 until a worker has made the noise scheduler.</summary>
    public int Steps { get; init; }

    public IReadOnlyList<GeneratedImage> Images { get; init; } = [];
    public JobError? Error { get; init; }
    public JobTimings? Timings { get; init; }

    /// <summary>What was done otherwise than a reader of the request might expect, such as a prompt cut at the encoder's length.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    public required DateTimeOffset CreatedAt { get; init; }
    public DateTimeOffset? StartedAt { get; init; }
    public DateTimeOffset? FinishedAt { get; init; }

    /// <summary>How often a worker has taken the job; work handed back on shutdown is not counted.</summary>
    public int Attempts { get; init; }

    public bool IsFinal => Status is JobStatus.Succeeded or JobStatus.Failed or JobStatus.Canceled;
}

/// <summary>A finished picture. The blob's name is the store's own business; callers fetch by job and index.</summary>
/// <param name="Index">0..NumImages-1.</param>
/// <param name="Seed">The seed that draws this picture alone.</param>
/// <param name="BlobName">Immutable name in the blob store.</param>
/// <param name="Sha256">Lower-case hexadecimal digest of the file.</param>
/// <param name="Bytes">Length of the file.</param>
public sealed record GeneratedImage(int Index, long Seed, string BlobName, string Sha256, long Bytes, int Width, int Height);

/// <param name="Code">Stable, snake_case: <c>attempts_exhausted</c>, <c>model_failed</c>, <c>numeric</c>, <c>out_of_memory</c>, <c>blob_unavailable</c>, ...</param>
/// <param name="Message">One sentence for a person.</param>
public sealed record JobError(string Code, string Message);

/// <summary>Where the time went, in seconds.</summary>
/// <param name="Queued">From acceptance to the first lease.</param>
/// <param name="Admission">From acceptance to the beginning of the first step; of the last attempt, if there were several.</param>
/// <param name="Encode">Tokenizer and text encoder, and the image encoder when there is a start image.</param>
/// <param name="Denoise">From the first to the last step, shared batches included.</param>
/// <param name="Decode">VAE decoder.</param>
/// <param name="Upload">PNG encoding and blob writes.</param>
/// <param name="RowSteps">U-Net rows computed for this job: the unit of cost.</param>
public sealed record JobTimings(double Queued, double Admission, double Encode, double Denoise, double Decode, double Upload, long RowSteps);
