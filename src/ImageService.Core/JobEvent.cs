namespace ImageService.Core;

/// <summary>
/// Something that happened to a job. Events of one job are numbered from 1 without holes as long as they are kept; a reader that comes back
/// names the last number it saw.
/// </summary>
/// <param name="Sequence">Position in the job's log.</param>
/// <param name="At">The store's clock.</param>
public abstract record JobEvent(long Sequence, DateTimeOffset At);

/// <summary>The job entered a state that is not final, or went a step further in it.</summary>
/// <param name="QueuePosition">As <see cref="Job.QueuePosition"/>; null in all but the last event so far, because it is known only for now.</param>
/// <param name="Load">Likewise.</param>
public sealed record JobProgress(long Sequence, DateTimeOffset At, JobStatus Status, int Step, int Steps, int? QueuePosition, QueueLoad? Load = null)
    : JobEvent(Sequence, At);

/// <summary>A look at an unfinished picture.</summary>
/// <param name="Index">Which of the job's images.</param>
/// <param name="Content">An encoded picture.</param>
/// <param name="ContentType">Its media type, <c>image/png</c>.</param>
public sealed record JobPreview(long Sequence, DateTimeOffset At, int Index, int Step, int Steps, ReadOnlyMemory<byte> Content,
    string ContentType, int Width, int Height) : JobEvent(Sequence, At);

/// <summary>The job ended. Nothing follows.</summary>
public sealed record JobFinished(long Sequence, DateTimeOffset At, Job Job) : JobEvent(Sequence, At);
