using ImageService.Core;
using Microsoft.Data.Sqlite;

namespace ImageService.Storage.Sqlite;

/// <summary>Table events: each job's log, numbered from 1.</summary>
internal static class EventLog
{
    /// <summary>A job keeps its last events of either kind; a reader that was away longer misses steps, never the end.</summary>
    public const int ProgressKept = 200;
    public const int PreviewsKept = 4;

    private const int Progress = 0;
    private const int Preview = 1;
    private const int Finished = 2;

    public static void AppendProgress(SqliteSession session, long job, JobStatus status, int step, int steps, long now)
    {
        var sequence = Next(session, job);
        session.Execute(
            "INSERT INTO events (job, sequence, at, kind, status, step, steps) VALUES (@job, @sequence, @at, 0, @status, @step, @steps)",
            ("@job", job), ("@sequence", sequence), ("@at", now), ("@status", (int)status), ("@step", step), ("@steps", steps));
        if (sequence > ProgressKept)
            session.Execute("DELETE FROM events WHERE job = @job AND sequence <= @last", ("@job", job), ("@last", sequence - ProgressKept));
    }

    public static void AppendPreview(SqliteSession session, long job, Preview preview, long now)
    {
        session.Execute(
            "INSERT INTO events (job, sequence, at, kind, status, step, steps, image, content, content_type, width, height) " +
            "VALUES (@job, @sequence, @at, 1, 1, @step, @steps, @image, @content, @type, @width, @height)",
            ("@job", job), ("@sequence", Next(session, job)), ("@at", now), ("@step", preview.Step), ("@steps", preview.Steps),
            ("@image", preview.Index), ("@content", preview.Content.ToArray()), ("@type", preview.ContentType),
            ("@width", preview.Width), ("@height", preview.Height));
        session.Execute(
            "DELETE FROM events WHERE job = @job AND kind = 1 AND sequence <= " +
            "(SELECT sequence FROM events WHERE job = @job AND kind = 1 ORDER BY sequence DESC LIMIT 1 OFFSET @kept)",
            ("@job", job), ("@kept", PreviewsKept));
    }

    public static void AppendFinished(SqliteSession session, JobRow row, long now) =>
        session.Execute(
            "INSERT INTO events (job, sequence, at, kind, status, step, steps) VALUES (@job, @sequence, @at, 2, @status, @step, @steps)",
            ("@job", row.Number), ("@sequence", Next(session, row.Number)), ("@at", now), ("@status", (int)row.Job.Status),
            ("@step", row.Job.Step), ("@steps", row.Job.Steps));

    /// <summary>The events after <paramref name="after"/>, at most <paramref name="limit"/> of them.</summary>
    public static List<JobEvent> Read(SqliteSession session, JobRow row, long after, int limit)
    {
        var last = session.Scalar<long>("SELECT last_event FROM jobs WHERE number = @job", ("@job", row.Number));
        return session.Query<JobEvent>(
            "SELECT sequence, at, kind, status, step, steps, image, content, content_type, width, height FROM events " +
            "WHERE job = @job AND sequence > @after ORDER BY sequence LIMIT @limit",
            reader => Read(reader, row.Job, last), ("@job", row.Number), ("@after", Math.Min(after, last)), ("@limit", limit));
    }

    // Where the job stands is known only for now: earlier events of the log go without it.
    private static JobEvent Read(SqliteDataReader reader, Job job, long last)
    {
        var sequence = reader.GetInt64(0);
        var at = DateTimeOffset.FromUnixTimeMilliseconds(reader.GetInt64(1));
        var (step, steps) = (reader.GetInt32(4), reader.GetInt32(5));
        return reader.GetInt32(2) switch
        {
            Progress => new JobProgress(sequence, at, (JobStatus)reader.GetInt32(3), step, steps,
                sequence == last ? job.QueuePosition : null, sequence == last ? job.Load : null),
            Preview => new JobPreview(sequence, at, reader.GetInt32(6), step, steps, reader.GetFieldValue<byte[]>(7), reader.GetString(8),
                reader.GetInt32(9), reader.GetInt32(10)),
            Finished => new JobFinished(sequence, at, job),
            var kind => throw new InvalidDataException($"Job {job.Id} has an event of the unknown kind {kind}."),
        };
    }

    private static long Next(SqliteSession session, long job) =>
        session.Scalar<long>("UPDATE jobs SET last_event = last_event + 1 WHERE number = @job RETURNING last_event", ("@job", job));
}
