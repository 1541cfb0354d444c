using System.Runtime.CompilerServices;
using ImageService.Core;

namespace ImageService.Api.Tests;

/// <summary>A job store that a test drives by hand: jobs wait until the test says what a worker did.</summary>
internal sealed class InMemoryJobStore(TimeProvider time) : IJobStore
{
    private readonly Lock _gate = new();
    private readonly Dictionary<JobId, Entry> _jobs = [];
    private readonly Dictionary<string, (string Fingerprint, JobId Id)> _keys = [];

    public List<ModelDescription> Models { get; } = [TestModels.Starter];
    public List<JobSubmission> Submissions { get; } = [];
    public int Capacity { get; set; } = 1000;
    public bool Down { get; set; }
    public bool Hangs { get; set; }

    /// <summary>Completes when somebody waits for a store that hangs.</summary>
    public TaskCompletionSource Hanging { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public int ModelLists { get; private set; }

    /// <summary>Jobs that were there once.</summary>
    public HashSet<JobId> Removed { get; } = [];

    /// <summary>Completes with the next submission.</summary>
    public TaskCompletionSource<JobSubmission> NextSubmission { get; set; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public async Task<bool> WasRemovedAsync(JobId id, CancellationToken cancellationToken)
    {
        await ReachAsync(cancellationToken);
        return Removed.Contains(id);
    }

    public async Task<SubmitResult> SubmitAsync(JobSubmission submission, CancellationToken cancellationToken)
    {
        await ReachAsync(cancellationToken);
        lock (_gate)
        {
            var depth = new QueueDepth(_jobs.Values.Count(e => e.Job.Status == JobStatus.Queued), 0);
            if (submission.IdempotencyKey is { } key)
            {
                if (_keys.TryGetValue(key, out var known))
                {
                    return known.Fingerprint == submission.Fingerprint
                        ? new SubmitResult(SubmitOutcome.Replayed, _jobs[known.Id].Job, depth)
                        : new SubmitResult(SubmitOutcome.KeyReused, null, depth);
                }
            }
            if (depth.Queued >= Capacity)
                return new SubmitResult(SubmitOutcome.QueueFull, null, depth, Load?.Ahead ?? 0);
            if (submission.IdempotencyKey is { } newKey)
                _keys[newKey] = (submission.Fingerprint!, submission.Id);
            var job = new Job
            {
                Id = submission.Id,
                Request = submission.Request,
                Status = JobStatus.Queued,
                Client = submission.Client,
                QueuePosition = depth.Queued,
                Load = Load,
                CreatedAt = time.GetUtcNow(),
            };
            _jobs.Add(job.Id, new Entry(job));
            Append(job.Id, n => new JobProgress(n, time.GetUtcNow(), JobStatus.Queued, 0, 0, depth.Queued, Load));
            Submissions.Add(submission);
            NextSubmission.TrySetResult(submission);
            return new SubmitResult(SubmitOutcome.Accepted, job, depth);
        }
    }

    public async Task<Job?> GetAsync(JobId id, CancellationToken cancellationToken)
    {
        await ReachAsync(cancellationToken);
        lock (_gate)
            return _jobs.GetValueOrDefault(id)?.Job;
    }

    public async Task<JobPage> ListAsync(JobQuery query, CancellationToken cancellationToken)
    {
        await ReachAsync(cancellationToken);
        lock (_gate)
        {
            var found = _jobs.Values.Select(e => e.Job with { QueuePosition = null, Load = null })
                .Where(j => (query.Status is null || j.Status == query.Status) && (query.Client is null || j.Client == query.Client))
                .Where(j => query.Before is not { } before || string.CompareOrdinal(j.Id.Value, before.Value) < 0)
                .OrderByDescending(j => j.Id.Value, StringComparer.Ordinal)
                .Take(query.Limit + 1).ToArray();
            var jobs = found.Take(query.Limit).ToArray();
            return new JobPage(jobs, found.Length > jobs.Length ? jobs[^1].Id : null);
        }
    }

    public async Task<Job?> CancelAsync(JobId id, CancellationToken cancellationToken)
    {
        await ReachAsync(cancellationToken);
        lock (_gate)
        {
            if (!_jobs.TryGetValue(id, out var entry))
                return null;
            if (!entry.Job.IsFinal)
                End(id, entry.Job with { Status = JobStatus.Canceled, QueuePosition = null });
            return entry.Job;
        }
    }

    public async IAsyncEnumerable<JobEvent> WatchAsync(JobId id, long afterSequence, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        for (var next = afterSequence; ;)
        {
            Task changed;
            JobEvent? found;
            lock (_gate)
            {
                if (Down)
                    throw new StoreUnavailableException("down");
                if (!_jobs.TryGetValue(id, out var entry))
                    yield break;
                found = entry.Events.FirstOrDefault(e => e.Sequence > next);
                if (found is null && entry.Job.IsFinal)
                    yield break;
                changed = entry.Changed.Task;
            }
            if (found is null)
            {
                await changed.WaitAsync(cancellationToken);
                continue;
            }
            next = found.Sequence;
            yield return found;
            if (found is JobFinished)
                yield break;
        }
    }

    public async Task<IReadOnlyList<ModelDescription>> ListModelsAsync(CancellationToken cancellationToken)
    {
        ModelLists++;
        await ReachAsync(cancellationToken);
        return [.. Models];
    }

    public List<WorkerPace> Paces { get; } = [];

    /// <summary>What every job that has not ended meets.</summary>
    public QueueLoad? Load { get; set; }

    public int PaceLists { get; private set; }

    /// <summary>Only the paces cannot be had.</summary>
    public bool PacesDown { get; set; }

    public async Task<IReadOnlyList<WorkerPace>> ListPacesAsync(CancellationToken cancellationToken)
    {
        PaceLists++;
        if (PacesDown)
            throw new StoreUnavailableException("down");
        await ReachAsync(cancellationToken);
        return [.. Paces];
    }

    public async Task<QueueDepth> DepthAsync(CancellationToken cancellationToken)
    {
        await ReachAsync(cancellationToken);
        lock (_gate)
            return new QueueDepth(_jobs.Values.Count(e => e.Job.Status == JobStatus.Queued), _jobs.Values.Count(e => e.Job.Status == JobStatus.Running));
    }

    public async Task<int> WaitingAsync(string client, CancellationToken cancellationToken)
    {
        await ReachAsync(cancellationToken);
        lock (_gate)
            return _jobs.Values.Count(e => e.Job.Status == JobStatus.Queued && e.Job.Client == client);
    }

    public async Task<IReadOnlyList<ShapeDepth>> ShapesAsync(CancellationToken cancellationToken)
    {
        await ReachAsync(cancellationToken);
        lock (_gate)
        {
            return [.. _jobs.Values.Where(e => e.Job.Status == JobStatus.Queued).GroupBy(e => (e.Job.Request.Width, e.Job.Request.Height))
                .Select(g => new ShapeDepth(g.Key.Width, g.Key.Height, g.Count()))];
        }
    }

    /// <summary>What a worker does: a step.</summary>
    public void Progress(JobId id, int step, int steps)
    {
        lock (_gate)
        {
            var entry = _jobs[id];
            var now = time.GetUtcNow();
            entry.Job = entry.Job with
            {
                Status = JobStatus.Running, QueuePosition = null, Load = Load, Step = step, Steps = steps, StartedAt = entry.Job.StartedAt ?? now, Attempts = 1,
            };
            Append(id, n => new JobProgress(n, now, JobStatus.Running, step, steps, null, Load));
        }
    }

    public void Preview(JobId id, int index, int step, int steps, byte[] png, int width = 64, int height = 64)
    {
        lock (_gate)
            Append(id, n => new JobPreview(n, time.GetUtcNow(), index, step, steps, png, "image/png", width, height));
    }

    public void Succeed(JobId id, params GeneratedImage[] images)
    {
        lock (_gate)
        {
            var job = _jobs[id].Job;
            End(id, job with
            {
                Status = JobStatus.Succeeded, QueuePosition = null, Images = images, Step = job.Steps, Timings = new JobTimings(0.1, 0.15, 0.2, 1.5, 0.3, 0.05, 40),
            });
        }
    }

    public void Fail(JobId id, string code, string message)
    {
        lock (_gate)
            End(id, _jobs[id].Job with { Status = JobStatus.Failed, QueuePosition = null, Error = new JobError(code, message) });
    }

    private void End(JobId id, Job job)
    {
        job = job with { Load = null, FinishedAt = time.GetUtcNow() };
        _jobs[id].Job = job;
        Append(id, n => new JobFinished(n, time.GetUtcNow(), job));
    }

    private void Append(JobId id, Func<long, JobEvent> make)
    {
        var entry = _jobs[id];
        entry.Events.Add(make(entry.Events.Count + 1));
        var changed = entry.Changed;
        entry.Changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        changed.SetResult();
    }

    private async Task ReachAsync(CancellationToken cancellationToken)
    {
        if (Hangs)
        {
            Hanging.TrySetResult();
            await Task.Delay(Timeout.Infinite, cancellationToken);
        }
        if (Down)
            throw new StoreUnavailableException("down");
    }

    private sealed class Entry(Job job)
    {
        public Job Job { get; set; } = job;
        public List<JobEvent> Events { get; } = [];
        public TaskCompletionSource Changed { get; set; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
