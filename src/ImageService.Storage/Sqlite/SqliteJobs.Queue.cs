using System.Runtime.CompilerServices;
using ImageService.Core;
using ImageService.Storage.Telemetry;

namespace ImageService.Storage.Sqlite;

internal sealed partial class SqliteJobs
{
    private const int MaxAttempts = 3;
    private const int ExpiredARound = 100;
    internal const string Expired =
        JobRow.Select + "INDEXED BY jobs_leased WHERE status = 1 AND lease_until <= @now ORDER BY lease_until LIMIT @max";

    private readonly LeaseClock clock = new();
    private long workAnnounced;
    private long workSeen;

    public async Task<IReadOnlyList<LeasedJob>> LeaseAsync(LeaseRequest request, CancellationToken cancellationToken)
    {
        Interlocked.Exchange(ref workSeen, Interlocked.Read(ref workAnnounced));
        var silence = clock.Silence(Now(), request.Duration);
        // A worker with room asks at every step boundary: while nothing waits, that costs no write.
        if (silence == 0 && database.Read(s => HasNothing(s, request.Models)))
        {
            clock.Hear(Now(), request.Duration);
            return [];
        }
        var expired = new List<(JobId Id, bool Exhausted)>();
        var leased = await database.WriteAsync(session =>
        {
            Lengthen(session, silence, request.Duration);
            expired.AddRange(ReturnExpired(session));
            var jobs = new List<LeasedJob>();
            while (jobs.Count < request.Max && WaitingLine.TakeTurn(session, request.Models) is { } number)
                jobs.Add(Lease(session, number, request));
            return jobs;
        }, cancellationToken);
        clock.Hear(Now(), request.Duration);
        CountExhausted(expired);
        foreach (var (id, _) in expired)
            RaiseEnd(id);
        foreach (var job in leased)
            signals.Raise(job.Job.Id.Value);
        return leased;
    }

    public async Task WaitForWorkAsync(CancellationToken cancellationToken)
    {
        using var work = signals.Subscribe(Signals.Work);
        // What came after the last look must not be slept through.
        if (Interlocked.Read(ref workAnnounced) == Interlocked.Read(ref workSeen))
            await work.WaitAsync(cancellationToken);
    }

    public async Task<IReadOnlyList<LostLease>> RenewAsync(IReadOnlyCollection<Lease> held, TimeSpan duration, CancellationToken cancellationToken)
    {
        var lost = await database.WriteAsync<IReadOnlyList<LostLease>>(session =>
        {
            Lengthen(session, clock.Silence(Now(), duration), duration);
            var until = Now() + (long)duration.TotalMilliseconds;
            return [.. held.Where(lease => session.Execute(
                "UPDATE jobs SET lease_until = @until WHERE id = @id AND status = 1 AND token = @token",
                ("@until", until), ("@id", lease.Id.Value), ("@token", lease.Token)) == 0)
                .Select(lease => new LostLease(lease, session.Scalar<long>("SELECT count(*) FROM jobs WHERE id = @id AND status = @canceled",
                    ("@id", lease.Id.Value), ("@canceled", (int)JobStatus.Canceled)) == 1))];
        }, cancellationToken);
        clock.Hear(Now(), duration);
        return lost;
    }

    public async IAsyncEnumerable<JobId> CancellationsAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var canceled = signals.Subscribe(Signals.Cancellations);
        var last = database.Read(s => s.Scalar<long>("SELECT max(number) FROM cancellations"));
        while (true)
        {
            var news = database.Read(s => s.Query("SELECT number, job_id FROM cancellations WHERE number > @last ORDER BY number",
                r => (Number: r.GetInt64(0), Id: JobId.Parse(r.GetString(1))), ("@last", last)));
            foreach (var (number, id) in news)
            {
                last = number;
                yield return id;
            }
            await canceled.WaitAsync(cancellationToken);
        }
    }

    public Task<bool> PublishProgressAsync(Lease lease, int step, int steps, CancellationToken cancellationToken) =>
        IfHeldAsync(lease, (session, number) =>
        {
            session.Execute("UPDATE jobs SET step = @step, steps = @steps WHERE number = @number",
                ("@step", step), ("@steps", steps), ("@number", number));
            EventLog.AppendProgress(session, number, JobStatus.Running, step, steps, Now());
        }, cancellationToken);

    public Task<bool> PublishPreviewAsync(Lease lease, Preview preview, CancellationToken cancellationToken) =>
        IfHeldAsync(lease, (session, number) => EventLog.AppendPreview(session, number, preview, Now()), cancellationToken);

    public async Task<bool> CompleteAsync(Lease lease, JobResult result, CancellationToken cancellationToken)
    {
        var held = await IfHeldAsync(lease, (session, number) => Finish(session, number, JobStatus.Succeeded, result, null), cancellationToken);
        if (held)
            signals.Raise(Signals.EndOf(lease.Id.Value));
        return held;
    }

    public async Task<bool> FailAsync(Lease lease, JobError error, bool retry, CancellationToken cancellationToken)
    {
        var again = false;
        var held = await IfHeldAsync(lease, (session, number) =>
        {
            again = retry && session.Scalar<long>("SELECT attempts FROM jobs WHERE number = @number", ("@number", number)) < MaxAttempts;
            if (again)
                Requeue(session, number, countAttempt: true, state: default);
            else
                Finish(session, number, JobStatus.Failed, null, error);
        }, cancellationToken);
        if (again)
            AnnounceWork(lease.Id);
        else if (held)
            signals.Raise(Signals.EndOf(lease.Id.Value));
        return held;
    }

    public async Task<bool> ReleaseAsync(Lease lease, ReadOnlyMemory<byte> state, CancellationToken cancellationToken)
    {
        var held = await IfHeldAsync(lease, (session, number) => Requeue(session, number, countAttempt: false, state), cancellationToken);
        if (held)
            AnnounceWork(lease.Id);
        return held;
    }

    public Task AnnounceAsync(IReadOnlyList<ModelDescription> models, WorkerPace pace, CancellationToken cancellationToken) =>
        database.WriteAsync(session =>
        {
            foreach (var model in models)
                session.Execute("INSERT OR REPLACE INTO models (id, description, announced_at) VALUES (@id, @description, @now)",
                    ("@id", model.Id), ("@description", StorageJson.Write(model)), ("@now", Now()));
            session.Execute("DELETE FROM paces WHERE worker = @worker OR announced_at <= @before",
                ("@worker", pace.WorkerId), ("@before", Now() - (long)WorkerPace.Lifetime.TotalMilliseconds));
            if (pace.Models.Count > 0)
                session.Execute("INSERT INTO paces VALUES (@worker, @pace, @now)", ("@worker", pace.WorkerId), ("@pace", StorageJson.Write(pace)), ("@now", Now()));
            return models.Count;
        }, cancellationToken);

    // Every write of a worker passes here: with a token that is not the newest, or after the job has left its hands, nothing changes.
    private async Task<bool> IfHeldAsync(Lease lease, Action<SqliteSession, long> write, CancellationToken cancellationToken)
    {
        var held = await database.WriteAsync(session =>
        {
            var number = session.Scalar<long>("SELECT number FROM jobs WHERE id = @id AND status = 1 AND token = @token",
                ("@id", lease.Id.Value), ("@token", lease.Token));
            if (number == 0)
                return false;
            write(session, number);
            return true;
        }, cancellationToken);
        if (held)
            signals.Raise(lease.Id.Value);
        return held;
    }

    private bool HasNothing(SqliteSession session, IReadOnlyCollection<string> models) =>
        session.Scalar<long>("SELECT count(*) FROM (SELECT 1 FROM jobs INDEXED BY jobs_leased WHERE status = 1 AND lease_until <= @now LIMIT 1)", ("@now", Now())) == 0
        && models.All(model => session.Scalar<long>("SELECT count(*) FROM (SELECT 1 FROM lanes WHERE model = @model LIMIT 1)", ("@model", model)) == 0);

    private LeasedJob Lease(SqliteSession session, long number, LeaseRequest request)
    {
        var now = Now();
        var row = session.Query(
            "UPDATE jobs SET status = 1, token = token + 1, attempts = attempts + 1, worker = @worker, lease_until = @until, " +
            "started_at = coalesce(started_at, @now) WHERE number = @number" + JobRow.Returning, JobRow.Read,
            ("@worker", request.WorkerId), ("@until", now + (long)request.Duration.TotalMilliseconds), ("@now", now), ("@number", number)).Single();
        EventLog.AppendProgress(session, number, JobStatus.Running, row.Job.Step, row.Job.Steps, now);
        var state = session.Scalar<byte[]>("SELECT content FROM saved_states WHERE job = @number", ("@number", number));
        return new LeasedJob(row.Job, new Lease(row.Job.Id, row.Token), state, row.TraceParent);
    }

    // See LeaseClock. Another process may have been awake and its leases be younger: nothing is shortened, nothing lasts longer than a new lease.
    private void Lengthen(SqliteSession session, long silence, TimeSpan duration)
    {
        if (silence > 0)
            session.Execute("UPDATE jobs SET lease_until = max(lease_until, min(lease_until + @silence, @until)) WHERE status = 1",
                ("@silence", silence), ("@until", Now() + (long)duration.TotalMilliseconds));
    }

    // A saved state is used once: when the attempt that began with it dies, the next one starts at the beginning, in case the state was the cause.
    private void Requeue(SqliteSession session, long number, bool countAttempt, ReadOnlyMemory<byte> state)
    {
        session.Execute("DELETE FROM saved_states WHERE job = @number", ("@number", number));
        if (!state.IsEmpty)
            session.Execute("INSERT INTO saved_states (job, content) VALUES (@number, @content)", ("@number", number), ("@content", state.ToArray()));
        var row = session.Query(
            "UPDATE jobs SET status = 0, lease_until = NULL, attempts = attempts - @uncounted, step = step * @kept WHERE number = @number" +
            JobRow.Returning, JobRow.Read,
            ("@uncounted", countAttempt ? 0 : 1), ("@kept", state.IsEmpty ? 0 : 1), ("@number", number)).Single();
        EventLog.AppendProgress(session, number, JobStatus.Queued, row.Job.Step, row.Job.Steps, Now());
    }

    private List<(JobId Id, bool Exhausted)> ReturnExpired(SqliteSession session)
    {
        var expired = session.Query(Expired, JobRow.Read,
            ("@now", Now()), ("@max", ExpiredARound));
        foreach (var row in expired)
        {
            if (row.Job.Attempts < MaxAttempts)
                Requeue(session, row.Number, countAttempt: true, state: default);
            else
                Finish(session, row.Number, JobStatus.Failed, null, new JobError("attempts_exhausted",
                    $"The worker that held the job stopped answering, {MaxAttempts} times in a row."));
        }
        return expired.ConvertAll(r => (r.Job.Id, r.Job.Attempts >= MaxAttempts));
    }

    // No worker reports those.
    private static void CountExhausted(IEnumerable<(JobId Id, bool Exhausted)> expired)
    {
        foreach (var _ in expired.Where(e => e.Exhausted))
            StorageTelemetry.Finished(JobStatus.Failed);
    }

    private void AnnounceWork(JobId id)
    {
        Interlocked.Increment(ref workAnnounced);
        signals.Raise(Signals.Work);
        signals.Raise(id.Value);
    }
}
