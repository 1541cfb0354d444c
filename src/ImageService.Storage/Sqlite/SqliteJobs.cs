using System.Runtime.CompilerServices;
using ImageService.Core;

namespace ImageService.Storage.Sqlite;

/// <summary>
/// Jobs in one SQLite file: the store of a single machine. Durable without a server (WAL); several processes may share the file, and see
/// each other's changes within a second. The worker's side stands in SqliteJobs.Queue.cs.
/// </summary>
internal sealed partial class SqliteJobs : IJobStore, IJobQueue, IJobRetention, IDisposable
{
    private static readonly TimeSpan IdempotencyKeyLifetime = TimeSpan.FromHours(24);
    private static readonly TimeSpan ModelLifetime = TimeSpan.FromDays(7);
    private const int EventsARead = 100;

    private readonly SqliteDatabase database;
    private readonly TimeProvider time;
    private readonly int maxQueued;
    private readonly TimeSpan retention;
    private readonly Signals signals = new();

    public SqliteJobs(JobsOptions jobs, QueueLimitsOptions limits, TimeProvider time)
    {
        this.time = time;
        maxQueued = limits.MaxQueuedJobs;
        retention = TimeSpan.FromHours(jobs.RetentionHours);
        database = new SqliteDatabase(jobs.SqlitePath, jobs.SqliteSynchronous);
    }

    public async Task<SubmitResult> SubmitAsync(JobSubmission submission, CancellationToken cancellationToken)
    {
        var result = await database.WriteAsync(session => Submit(session, submission), cancellationToken);
        if (result.Outcome == SubmitOutcome.Accepted)
            AnnounceWork(submission.Id);
        return result;
    }

    public Task<Job?> GetAsync(JobId id, CancellationToken cancellationToken) =>
        Task.FromResult(database.Read(session => FindWithLoad(session, id)?.Job));

    public Task<bool> WasRemovedAsync(JobId id, CancellationToken cancellationToken) =>
        Task.FromResult(database.Read(session => session.Scalar<long>(
            "SELECT count(*) FROM removed_jobs WHERE id = @id AND at > @since",
            ("@id", id.Value), ("@since", Now() - (long)RemovedJobLifetime.TotalMilliseconds)) > 0));

    public Task<JobPage> ListAsync(JobQuery query, CancellationToken cancellationToken)
    {
        // A statement for each combination, so that SQLite takes the index that fits.
        var sql = JobRow.Select + "WHERE id < @before" + (query.Status is null ? "" : " AND status = @status") +
            (query.Client is null ? "" : " AND client = @client") + " ORDER BY id DESC LIMIT @limit";
        var rows = database.Read(session => session.Query(sql, JobRow.Read,
            [("@before", query.Before?.Value ?? "k"), ("@limit", query.Limit + 1), // every id begins with "job_"
            .. query.Status is { } status ? [("@status", (object?)(int)status)] : Array.Empty<(string, object?)>(),
            .. query.Client is { } client ? [("@client", (object?)client)] : Array.Empty<(string, object?)>()]));
        var jobs = rows.Take(query.Limit).Select(r => r.Job).ToList();
        return Task.FromResult(new JobPage(jobs, rows.Count > query.Limit ? jobs[^1].Id : null));
    }

    public async Task<Job?> CancelAsync(JobId id, CancellationToken cancellationToken)
    {
        var (job, changed) = await database.WriteAsync(session =>
        {
            var row = JobRow.Find(session, id);
            if (row is null || row.Job.IsFinal)
                return (row?.Job, false);
            if (row.Job.Status == JobStatus.Running)
                session.Execute("INSERT INTO cancellations (job_id, at) VALUES (@id, @at)", ("@id", id.Value), ("@at", Now()));
            return (Finish(session, row.Number, JobStatus.Canceled, null, null).Job, true);
        }, cancellationToken);
        if (changed)
        {
            RaiseEnd(id);
            signals.Raise(Signals.Cancellations);
        }
        return job;
    }

    public async IAsyncEnumerable<JobEvent> WatchAsync(JobId id, long afterSequence, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var changed = signals.Subscribe(id.Value);
        while (true)
        {
            var (job, events) = database.Read(session =>
                FindWithLoad(session, id) is { } row ? (row.Job, EventLog.Read(session, row, afterSequence, EventsARead)) : (null, []));
            foreach (var one in events)
            {
                yield return one;
                afterSequence = one.Sequence;
            }
            if (job is null || events is [.., JobFinished] || (job.IsFinal && events.Count == 0))
                yield break;
            if (events.Count < EventsARead)
                await changed.WaitAsync(cancellationToken);
        }
    }

    public async Task<Job?> WaitForEndAsync(JobId id, CancellationToken cancellationToken)
    {
        using var ended = signals.Subscribe(Signals.EndOf(id.Value));
        while (true)
        {
            if (database.Read(session => EndedOrGone(session, id) ? (Ended: true, JobRow.Find(session, id)?.Job) : default) is { Ended: true } read)
                return read.Job;
            await ended.WaitAsync(cancellationToken);
        }
    }

    public Task<IReadOnlyList<ModelDescription>> ListModelsAsync(CancellationToken cancellationToken) =>
        Task.FromResult<IReadOnlyList<ModelDescription>>(database.Read(session => session.Query(
            "SELECT description FROM models WHERE announced_at > @since ORDER BY id",
            reader => StorageJson.Read<ModelDescription>(reader.GetString(0)),
            ("@since", Now() - (long)ModelLifetime.TotalMilliseconds))));

    public Task<IReadOnlyList<WorkerPace>> ListPacesAsync(CancellationToken cancellationToken) =>
        Task.FromResult<IReadOnlyList<WorkerPace>>(database.Read(session => session.Query(
            "SELECT pace FROM paces WHERE announced_at > @since ORDER BY worker",
            reader => StorageJson.Read<WorkerPace>(reader.GetString(0)),
            ("@since", Now() - (long)WorkerPace.Lifetime.TotalMilliseconds))));

    public Task<QueueDepth> DepthAsync(CancellationToken cancellationToken) => Task.FromResult(database.Read(Depth));

    public Task<int> WaitingAsync(string client, CancellationToken cancellationToken) =>
        Task.FromResult(database.Read(session => (int)session.Scalar<long>("SELECT sum(queued) FROM lanes WHERE client = @client", ("@client", client))));

    public Task<IReadOnlyList<ShapeDepth>> ShapesAsync(CancellationToken cancellationToken) => Task.FromResult(database.Read(Shapes));

    public void Dispose() => database.Dispose();

    private SubmitResult Submit(SqliteSession session, JobSubmission submission)
    {
        var now = Now();
        var depth = Depth(session);
        // The answer to an earlier try was lost: it was accepted then.
        if (FindWithLoad(session, submission.Id) is { } earlier)
            return new SubmitResult(SubmitOutcome.Accepted, earlier.Job, depth);
        if (submission.IdempotencyKey is { } key)
        {
            session.Execute("DELETE FROM idempotency_keys WHERE created_at <= @before",
                ("@before", now - (long)IdempotencyKeyLifetime.TotalMilliseconds));
            var known = session.Query("SELECT fingerprint, job_id FROM idempotency_keys WHERE key = @key",
                r => (Fingerprint: r.IsDBNull(0) ? null : r.GetString(0), Job: JobId.Parse(r.GetString(1))), ("@key", key));
            if (known.Count > 0 && known[0].Fingerprint != submission.Fingerprint)
                return new SubmitResult(SubmitOutcome.KeyReused, null, depth);
            if (known.Count > 0 && FindWithLoad(session, known[0].Job) is { } replayed)
                return new SubmitResult(SubmitOutcome.Replayed, replayed.Job, depth);
        }
        if (depth.Queued >= maxQueued)
            return new SubmitResult(SubmitOutcome.QueueFull, null, depth, WaitingLine.WaitingCost(session));

        var cost = RequestCost.Of(submission.Request);
        var number = session.Scalar<long>(
            "INSERT INTO jobs (id, client, model, priority, cost, rows, status, request, trace_parent, created_at) " +
            "VALUES (@id, @client, @model, @priority, @cost, @rows, 0, @request, @trace, @now) RETURNING number",
            ("@id", submission.Id.Value), ("@client", submission.Client), ("@model", submission.Request.Model),
            ("@priority", submission.Request.Priority), ("@cost", cost), ("@rows", RequestCost.AllRows(submission.Request)), ("@request", StorageJson.Write(submission.Request)),
            ("@trace", submission.TraceParent), ("@now", now));
        EventLog.AppendProgress(session, number, JobStatus.Queued, 0, 0, now);
        if (submission.IdempotencyKey is not null)
            session.Execute("INSERT OR REPLACE INTO idempotency_keys (key, fingerprint, job_id, created_at) VALUES (@key, @fingerprint, @id, @now)",
                ("@key", submission.IdempotencyKey), ("@fingerprint", submission.Fingerprint), ("@id", submission.Id.Value), ("@now", now));
        var (position, ahead) = WaitingLine.PositionOfNewest(session, submission.Client, submission.Request.Priority, cost);
        return new SubmitResult(SubmitOutcome.Accepted, new Job
        {
            Id = submission.Id,
            Request = submission.Request,
            Status = JobStatus.Queued,
            Client = submission.Client,
            QueuePosition = position,
            Load = HeldWork.Load(session, ahead),
            CreatedAt = DateTimeOffset.FromUnixTimeMilliseconds(now),
        }, depth);
    }

    // The one place where jobs end: the state, the final event and the end of the lease are one transaction.
    private JobRow Finish(SqliteSession session, long number, JobStatus status, JobResult? result, JobError? error)
    {
        var now = Now();
        session.Execute("DELETE FROM saved_states WHERE job = @number", ("@number", number));
        var row = session.Query(
            "UPDATE jobs SET status = @status, result = @result, error = @error, finished_at = @now, lease_until = NULL, " +
            "step = CASE WHEN @status = 2 THEN steps ELSE step END WHERE number = @number" + JobRow.Returning, JobRow.Read,
            ("@status", (int)status), ("@result", result is null ? null : StorageJson.Write(result)),
            ("@error", error is null ? null : StorageJson.Write(error)), ("@now", now), ("@number", number)).Single();
        EventLog.AppendFinished(session, row, now);
        return row;
    }

    private static JobRow? FindWithLoad(SqliteSession session, JobId id)
    {
        var row = JobRow.Find(session, id);
        if (row is null or { Job.IsFinal: true })
            return row;
        if (row.Job.Status == JobStatus.Running)
            return row with { Job = row.Job with { Load = HeldWork.Load(session, ahead: 0) } };
        var (position, ahead) = WaitingLine.Position(session, row);
        return row with { Job = row.Job with { QueuePosition = position, Load = HeldWork.Load(session, ahead) } };
    }

    // Asked often: without reading the request.
    private static bool EndedOrGone(SqliteSession session, JobId id) =>
        session.Scalar<long>("SELECT count(*) FROM jobs WHERE id = @id AND status IN (0, 1)", ("@id", id.Value)) == 0;

    // It has ended, or may have.
    private void RaiseEnd(JobId id)
    {
        signals.Raise(id.Value);
        signals.Raise(Signals.EndOf(id.Value));
    }

    private static QueueDepth Depth(SqliteSession session)
    {
        var jobs = session.Query("SELECT jobs FROM depth WHERE status IN (0, 1) ORDER BY status", r => r.GetInt32(0));
        return new QueueDepth(jobs[0], jobs[1]);
    }

    private static IReadOnlyList<ShapeDepth> Shapes(SqliteSession session) =>
        session.Query("SELECT width, height, queued FROM shapes",
            r => new ShapeDepth(r.GetInt32(0), r.GetInt32(1), r.GetInt32(2)));

    private long Now() => time.GetUtcNow().ToUnixTimeMilliseconds();
}
