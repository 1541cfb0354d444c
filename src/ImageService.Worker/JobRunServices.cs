using ImageService.Core;
using Microsoft.Extensions.Options;

namespace ImageService.Worker;

/// <summary>What every <see cref="JobRun"/> of the process shares.</summary>
internal sealed class JobRunServices(IJobQueue queue, IBlobStore blobs, EngineThread engine, RowBudgets budgets, WorkerModels models, PictureFormat format, PictureWriter writer,
    PaceMeter pace, StoreRetry retry, IOptions<WorkerOptions> options, TimeProvider time, ILogger<JobRun> logger)
{
    public IJobQueue Queue { get; } = queue;
    public IBlobStore Blobs { get; } = blobs;
    public EngineThread Engine { get; } = engine;
    public RowBudgets Budgets { get; } = budgets;
    public WorkerModels Models { get; } = models;
    public PictureFormat Format { get; } = format;
    public PictureWriter Writer { get; } = writer;
    public PaceMeter Pace { get; } = pace;
    public TimeSpan ProgressInterval { get; } = options.Value.ProgressInterval;
    public StoreRetry Retry { get; } = retry;
    public TimeProvider Time { get; } = time;
    public ILogger Logger { get; } = logger;

    /// <summary>Seconds from a job's acceptance to its lease.</summary>
    public double Waited(Job job) => Math.Max(0, ((job.StartedAt ?? Time.GetUtcNow()) - job.CreatedAt).TotalSeconds);

    /// <summary>Seconds since a job's acceptance.</summary>
    public double SinceAcceptance(Job job) => Math.Max(0, (Time.GetUtcNow() - job.CreatedAt).TotalSeconds);

    /// <summary>Seconds since a job's first lease.</summary>
    public double SinceFirstLease(Job job) => job.StartedAt is { } started ? Math.Max(0, (Time.GetUtcNow() - started).TotalSeconds) : 0;
}
