namespace ImageService.Storage.Sqlite;

/// <summary>
/// Who is next: clients are served alike by what their jobs cost (<see cref="Core.RequestCost"/>), and within a client the higher priority goes first, then
/// the older job. It is start-time fair queueing: each client has a tag, raised by the cost of each of its jobs served; the smallest is next. A client comes
/// in at the virtual time, which is the tag served last, moved on by an equal share of the cost while others wait, so that a new client goes before those
/// with a backlog, and not even a stream of new clients keeps an old one out.
/// </summary>
internal static class WaitingLine
{
    internal const string NextOfClient =
        "SELECT number FROM jobs INDEXED BY jobs_waiting WHERE status = 0 AND client = @client AND model IN (SELECT value FROM json_each(@models)) " +
        "ORDER BY priority DESC, number LIMIT 1";

    internal const string Higher =
        "SELECT count(*), coalesce(sum(cost), 0) FROM jobs INDEXED BY jobs_waiting WHERE status = 0 AND client = @client AND priority > @priority";

    internal const string Lower =
        "SELECT count(*), coalesce(sum(cost), 0) FROM jobs INDEXED BY jobs_waiting WHERE status = 0 AND client = @client AND priority < @priority";

    internal const string Older =
        "SELECT count(*), coalesce(sum(cost), 0) FROM jobs INDEXED BY jobs_waiting WHERE status = 0 AND client = @client AND priority = @priority AND number < @number";

    internal const string NextClient = "SELECT client, tag FROM lanes WHERE model = @model ORDER BY tag, client LIMIT 1";

    /// <summary>The number of the next job that one of the models can draw, for which its client is charged; null if there is none.</summary>
    public static long? TakeTurn(SqliteSession session, IReadOnlyCollection<string> models)
    {
        string? client = null;
        var tag = long.MaxValue;
        foreach (var model in models)
        {
            var first = session.Query(NextClient, r => (Client: r.GetString(0), Tag: r.GetInt64(1)), ("@model", model));
            if (first.Count > 0 && (first[0].Tag < tag || (first[0].Tag == tag && string.CompareOrdinal(first[0].Client, client) < 0)))
                (client, tag) = first[0];
        }
        if (client is null)
            return null;
        var number = session.Scalar<long>(NextOfClient, ("@client", client), ("@models", StorageJson.Write(models)));
        Charge(session, client, tag, session.Scalar<long>("SELECT cost FROM jobs WHERE number = @number", ("@number", number)));
        return number;
    }

    private static void Charge(SqliteSession session, string client, long tag, long cost)
    {
        session.Execute("UPDATE lanes SET tag = @tag WHERE client = @client", ("@tag", tag + cost), ("@client", client));
        session.Execute("INSERT OR REPLACE INTO tags VALUES (@client, @tag)", ("@tag", tag + cost), ("@client", client));
        var waiting = session.Scalar<long>("SELECT count(DISTINCT client) FROM lanes");
        session.Execute("UPDATE fair SET virtual_time = max(virtual_time, @tag) + @share", ("@tag", tag), ("@share", waiting > 1 ? cost / waiting : 0));
        session.Execute("DELETE FROM tags WHERE tag <= (SELECT virtual_time FROM fair)");
    }

    /// <summary>The same as <see cref="Position"/> for the client's newest job, without counting every one before it.</summary>
    public static (int Jobs, long Cost) PositionOfNewest(SqliteSession session, string client, int priority, long cost)
    {
        var all = Sum(session, "SELECT sum(queued), sum(cost) FROM lanes WHERE client = @client", ("@client", client));
        var lower = Sum(session, Lower, ("@client", client), ("@priority", priority));
        return WithOthers(session, client, all.Jobs - lower.Jobs - 1, all.Cost - lower.Cost - cost);
    }

    /// <summary>
    /// How many jobs are served before this one if nobody else comes, and what they cost: those of its own client before it, and of every other client as many
    /// as cost what it may have until then. Costs within another client count as alike.
    /// </summary>
    public static (int Jobs, long Cost) Position(SqliteSession session, JobRow row)
    {
        var client = row.Job.Client;
        var priority = row.Job.Request.Priority;
        var higher = Sum(session, Higher, ("@client", client), ("@priority", priority));
        var older = Sum(session, Older, ("@client", client), ("@priority", priority), ("@number", row.Number));
        return WithOthers(session, client, higher.Jobs + older.Jobs, higher.Cost + older.Cost);
    }

    /// <summary>Of all jobs that wait.</summary>
    public static long WaitingCost(SqliteSession session) => session.Scalar<long>("SELECT sum(cost) FROM lanes");

    private static (int Jobs, long Cost) WithOthers(SqliteSession session, string client, long jobsBefore, long costBefore)
    {
        var tag = session.Scalar<long>("SELECT min(tag) FROM lanes WHERE client = @client", ("@client", client));
        var others = Sum(session,
            "SELECT coalesce(sum(served), 0), coalesce(sum(served * mean), 0) FROM " +
            "(SELECT mean, min(queued, (ahead + mean - 1) / mean + (ahead % mean = 0 AND client < @client)) AS served FROM " +
            "(SELECT client, sum(queued) AS queued, @start - min(tag) AS ahead, max(1, sum(cost) / sum(queued)) AS mean FROM lanes " +
            "WHERE client <> @client GROUP BY client) WHERE ahead >= 0)",
            ("@start", tag + costBefore), ("@client", client));
        return ((int)Math.Min(jobsBefore + others.Jobs, int.MaxValue), costBefore + others.Cost);
    }

    private static (long Jobs, long Cost) Sum(SqliteSession session, string sql, params (string, object?)[] parameters) =>
        session.Query(sql, r => (r.GetInt64(0), r.GetInt64(1)), parameters).Single();
}
