using System.Diagnostics;
using ImageService.Core;
using ImageService.Storage.Sqlite;
using ImageService.Storage.Tests.Contracts;

namespace ImageService.Storage.Tests.Sqlite;

/// <summary>
/// A line of 100,000 jobs, as for Redis: cost is counted in steps of SQLite's virtual machine, a few for each row that it looks at, so that it does not depend on the
/// machine. The times are printed for docs/reliability.md.
/// </summary>
public sealed class SqliteBacklogTests(ITestOutputHelper output)
{
    /// <summary>Of one operation; a look at each of 100,000 rows takes a hundred times as many.</summary>
    private const int FewSteps = 10_000;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(20)]
    [InlineData(3_000)]
    public async Task A_hundred_thousand_waiting_jobs_cost_a_submit_a_lease_and_a_look_few_steps(int clients)
    {
        await using var place = new SqliteJobPlace(100_000);
        var backlog = new Backlog(place, clients);
        using (var session = place.Open())
        {
            Insert(session, backlog.Next(100_000 - 100));
            CountSteps(session);
        }
        var begun = Stopwatch.StartNew();
        await backlog.SubmitAsync(100, Stop);
        output.WriteLine($"sqlite, {clients} clients: {100 / begun.Elapsed.TotalSeconds:0} submits/s with 100,000 jobs waiting");
        Assert.Equal(SubmitOutcome.QueueFull, (await place.Store.SubmitAsync(JobStoreContract.Submission(), Stop)).Outcome);
        foreach (var id in backlog.Waiting(100))
            Assert.InRange((await place.Store.GetAsync(id, Stop))!.QueuePosition!.Value, 0, 99_999);
        output.WriteLine("sqlite: " + await backlog.ServeAsync(1_000, Stop));
        await backlog.CancelAsync(100, Stop);
        await backlog.CheckCountsAsync(Stop);
    }

    // The triggers keep the counts, whoever writes the rows.
    private static void Insert(SqliteSession session, IEnumerable<JobSubmission> jobs)
    {
        session.Execute("BEGIN");
        foreach (var job in jobs)
            session.Execute("INSERT INTO jobs (id, client, model, priority, cost, status, request, created_at, last_event) VALUES (@id, @client, @model, @priority, @cost, 0, @request, 0, 0)",
                ("@id", job.Id.Value), ("@client", job.Client), ("@model", job.Request.Model), ("@priority", job.Request.Priority),
                ("@cost", RequestCost.Of(job.Request)), ("@request", StorageJson.Write(job.Request)));
        session.Execute("COMMIT");
    }

    private void CountSteps(SqliteSession session)
    {
        var steps = 0;
        SQLitePCL.raw.sqlite3_progress_handler(session.Handle, 1, _ => ++steps * 0, null);
        var numbers = session.Query("SELECT number FROM jobs WHERE number % 9973 = 0", r => r.GetInt64(0));
        var most = new Dictionary<string, int>();
        session.Execute("BEGIN");
        Report("take a turn", () => WaitingLine.TakeTurn(session, ["starter", "other"]));
        Report("insert", () => Insert("one more"));
        Report("position of the newest", () => WaitingLine.PositionOfNewest(session, "client-0007", 1, 1000));
        foreach (var number in numbers)
        {
            var row = session.Query(JobRow.Select + "WHERE number = @number", JobRow.Read, ("@number", number)).Single();
            Report("position", () => WaitingLine.Position(session, row));
            Report("leave the line", () => session.Execute("UPDATE jobs SET status = 1 WHERE number = @number", ("@number", number)));
        }
        session.Execute("ROLLBACK");
        output.WriteLine($"sqlite, steps at most: {string.Join(", ", most.Select(m => $"{m.Key} {m.Value}"))}");
        Assert.All(most.Values, value => Assert.InRange(value, 1, FewSteps));

        void Report(string what, Action operation)
        {
            steps = 0;
            operation();
            most[what] = Math.Max(steps, most.GetValueOrDefault(what));
        }

        void Insert(string id) => session.Execute(
            "INSERT INTO jobs (id, client, model, priority, status, request, created_at) SELECT @id, client, model, priority, 0, request, 0 FROM jobs WHERE number = 7", ("@id", id));
    }
}
