namespace ImageService.Storage.Sqlite;

/// <summary>
/// Who is next. Clients stand in a ring and are served one job a turn; a client that arrives, or comes back with nothing waiting, joins at the
/// end. Within a client the higher priority goes first, then the older job.
/// </summary>
internal static class WaitingLine
{
    internal const string NextOfClient =
        "SELECT number FROM jobs INDEXED BY jobs_waiting WHERE status = 0 AND client = @client AND model IN (SELECT value FROM json_each(@models)) " +
        "ORDER BY priority DESC, number LIMIT 1";

    internal const string CountHigher =
        "SELECT count(*) FROM jobs INDEXED BY jobs_waiting WHERE status = 0 AND client = @client AND priority > @priority";

    internal const string CountLower =
        "SELECT count(*) FROM jobs INDEXED BY jobs_waiting WHERE status = 0 AND client = @client AND priority < @priority";

    internal const string CountOlder =
        "SELECT count(*) FROM jobs INDEXED BY jobs_waiting WHERE status = 0 AND client = @client AND priority = @priority AND number < @number";

    internal const string NextClient = "SELECT client, turn FROM lanes WHERE model = @model ORDER BY turn LIMIT 1";

    /// <summary>The number of the next job that one of the models can draw, and its client goes to the end of the ring; null if there is none.</summary>
    public static long? TakeTurn(SqliteSession session, IReadOnlyCollection<string> models)
    {
        string? client = null;
        var turn = long.MaxValue;
        foreach (var model in models)
        {
            var first = session.Query(NextClient, r => (Client: r.GetString(0), Turn: r.GetInt64(1)), ("@model", model));
            if (first.Count > 0 && first[0].Turn < turn)
                (client, turn) = first[0];
        }
        if (client is null)
            return null;
        session.Execute("UPDATE turns SET last = last + 1");
        session.Execute("UPDATE lanes SET turn = (SELECT last FROM turns) WHERE client = @client", ("@client", client));
        return session.Scalar<long>(NextOfClient, ("@client", client), ("@models", StorageJson.Write(models)));
    }

    /// <summary>The same as <see cref="Position"/> for the client's newest job, without counting every one before it.</summary>
    public static int PositionOfNewest(SqliteSession session, string client, int priority) =>
        WithOthers(session, client, session.Scalar<long>("SELECT sum(queued) - 1 FROM lanes WHERE client = @client", ("@client", client))
            - session.Scalar<long>(CountLower, ("@client", client), ("@priority", priority)));

    /// <summary>
    /// How many jobs are served before this one if nobody else comes: those of its own client before it, and of every other client as many as
    /// it has turns until then.
    /// </summary>
    public static int Position(SqliteSession session, JobRow row)
    {
        var client = row.Job.Client;
        var priority = row.Job.Request.Priority;
        return WithOthers(session, client,
            session.Scalar<long>(CountHigher, ("@client", client), ("@priority", priority))
            + session.Scalar<long>(CountOlder, ("@client", client), ("@priority", priority), ("@number", row.Number)));
    }

    private static int WithOthers(SqliteSession session, string client, long own)
    {
        var others = session.Scalar<long>(
            "SELECT coalesce(sum(min(queued, @own + (turn < (SELECT min(turn) FROM lanes WHERE client = @client)))), 0) FROM " +
            "(SELECT sum(queued) AS queued, min(turn) AS turn FROM lanes WHERE client <> @client GROUP BY client)",
            ("@own", own), ("@client", client));
        return (int)Math.Min(own + others, int.MaxValue);
    }
}
