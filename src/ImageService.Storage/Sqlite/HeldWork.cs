using ImageService.Core;

namespace ImageService.Storage.Sqlite;

/// <summary>What workers hold: a sum over the running jobs, which are as many as fit the engines of one machine.</summary>
internal static class HeldWork
{
    private const string Sum =
        "SELECT coalesce(sum(cost), 0), coalesce(sum(cost - CASE WHEN steps > 0 THEN cost * min(step, steps) / steps ELSE 0 END), 0), coalesce(sum(rows), 0) " +
        "FROM jobs INDEXED BY jobs_leased WHERE status = 1";

    /// <param name="ahead">See <see cref="QueueLoad.Ahead"/>.</param>
    public static QueueLoad Load(SqliteSession session, long ahead) =>
        session.Query(Sum, r => new QueueLoad(ahead, r.GetInt64(0), r.GetInt64(1), r.GetInt32(2))).Single();
}
