using ImageService.Core;

namespace ImageService.Storage.Sqlite;

internal sealed partial class SqliteJobs
{
    private static readonly TimeSpan RemovedJobLifetime = TimeSpan.FromHours(24);
    private static readonly TimeSpan PreviewLifetime = TimeSpan.FromHours(1); // they would fill the file beside pictures nobody waits for
    private static readonly TimeSpan CancellationLifetime = TimeSpan.FromHours(1);

    internal const string Old =
        "SELECT number FROM jobs INDEXED BY jobs_final WHERE status >= 2 AND finished_at <= @before ORDER BY finished_at LIMIT @max";

    public async Task ReturnExpiredLeasesAsync(CancellationToken cancellationToken)
    {
        if (clock.IsSilent(Now()))
            return; // whoever asks for leases next lengthens them first
        var expired = await database.WriteAsync(ReturnExpired, cancellationToken);
        CountExhausted(expired);
        foreach (var (id, _) in expired)
        {
            AnnounceWork(id);
            RaiseEnd(id);
        }
    }

    public Task<IReadOnlyList<JobId>> RemoveOldAsync(int max, CancellationToken cancellationToken) =>
        database.WriteAsync<IReadOnlyList<JobId>>(session =>
        {
            var now = Now();
            var old = session.Query(
                "DELETE FROM jobs WHERE number IN (" + Old + ") " +
                "RETURNING id", r => JobId.Parse(r.GetString(0)), ("@before", now - (long)retention.TotalMilliseconds), ("@max", max));
            foreach (var id in old)
                session.Execute("INSERT OR REPLACE INTO removed_jobs (id, at) VALUES (@id, @now)", ("@id", id.Value), ("@now", now));
            session.Execute("DELETE FROM removed_jobs WHERE at <= @before", ("@before", now - (long)RemovedJobLifetime.TotalMilliseconds));
            session.Execute("DELETE FROM events WHERE kind = 1 AND at <= @before", ("@before", now - (long)PreviewLifetime.TotalMilliseconds));
            session.Execute("DELETE FROM cancellations WHERE at <= @before", ("@before", now - (long)CancellationLifetime.TotalMilliseconds));
            session.Execute("DELETE FROM models WHERE announced_at <= @before", ("@before", now - (long)ModelLifetime.TotalMilliseconds));
            return old;
        }, cancellationToken);
}
