using ImageService.Core;
using ImageService.Storage.Sqlite;
using ImageService.Storage.Tests.Contracts;

namespace ImageService.Storage.Tests.Sqlite;

public sealed class SqliteJobsTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(WaitingLine.NextClient, "lanes_by_tag")]
    [InlineData(WaitingLine.NextOfClient, "jobs_waiting")]
    [InlineData(WaitingLine.Older, "jobs_waiting")]
    [InlineData(WaitingLine.Before, "lanes_in_turn")]
    [InlineData(SqliteJobs.Expired, "jobs_leased")]
    [InlineData(SqliteJobs.Old, "jobs_final")]
    [InlineData("SELECT * FROM jobs WHERE id < @before AND status = @status ORDER BY id DESC LIMIT 20", "jobs_by_status")]
    [InlineData("SELECT * FROM jobs WHERE id < @before AND client = @client ORDER BY id DESC LIMIT 20", "jobs_by_client")]
    public async Task Questions_about_a_long_queue_are_answered_by_an_index_without_sorting(string sql, string index)
    {
        await using var place = new SqliteJobPlace();
        using var session = place.Open();
        var names = new[] { "@model", "@client", "@priority", "@number", "@first", "@tag", "@most", "@now", "@before", "@status", "@max" };
        var plan = session.Query("EXPLAIN QUERY PLAN " + sql, r => r.GetString(3),
            [.. names.Where(n => sql.Contains(n, StringComparison.Ordinal)).Select(n => (n, (object?)"1"))]);
        Assert.Contains(plan, step => step.Contains($"INDEX {index}", StringComparison.Ordinal) && step.StartsWith("SEARCH", StringComparison.Ordinal));
        Assert.DoesNotContain(plan, step => step.Contains("TEMP B-TREE", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Everything_is_there_after_the_file_is_closed_and_opened_again()
    {
        using var folder = new TemporaryFolder();
        var options = new JobsOptions { SqlitePath = Path.Combine(folder.Path, "a", "b", "jobs.db") };
        LeasedJob leased;
        using (var jobs = new SqliteJobs(options, new QueueLimitsOptions(), TimeProvider.System))
        {
            await jobs.SubmitAsync(JobStoreContract.Submission(), Stop);
            leased = (await jobs.LeaseAsync(new LeaseRequest(1, "w", TimeSpan.FromHours(1), ["starter"]), Stop))[0];
        }
        using (var jobs = new SqliteJobs(options, new QueueLimitsOptions(), TimeProvider.System))
        {
            Assert.True(await jobs.CompleteAsync(leased.Lease, JobStoreContract.Result(leased.Lease), Stop));
            Assert.Equal(JobStatus.Succeeded, (await jobs.GetAsync(leased.Job.Id, Stop))!.Status);
        }
    }

    [Fact]
    public async Task Jobs_that_wait_in_a_file_of_an_older_program_keep_their_places()
    {
        using var folder = new TemporaryFolder();
        var path = Path.Combine(folder.Path, "jobs.db");
        using (var session = new SqliteSession($"Data Source={path};Pooling=False"))
        {
            for (var version = 1; version <= 3; version++)
            {
                using var script = new StreamReader(typeof(SqliteJobs).Assembly.GetManifestResourceStream($"schema.{version}")!);
                session.RunScript(script.ReadToEnd());
            }
            session.RunScript("PRAGMA user_version = 3");
            for (var i = 0; i < 600; i++)
                session.Execute("INSERT INTO jobs (id, client, model, priority, cost, status, request, created_at) VALUES (@id, @client, 'starter', 0, 10, 0, @request, 0)",
                    ("@id", $"job_{i:D26}"), ("@client", $"client-{i % 2}"), ("@request", StorageJson.Write(JobStoreContract.Request())));
        }
        using var jobs = new SqliteJobs(new JobsOptions { SqlitePath = path }, new QueueLimitsOptions(), TimeProvider.System);
        Assert.Equal([new ShapeDepth(256, 256, 600)], await jobs.ShapesAsync(Stop));
        foreach (var i in new[] { 0, 1, 257, 599 })
            Assert.Equal(i, (await jobs.GetAsync(JobId.Parse($"job_{i:D26}"), Stop))!.QueuePosition);
        var leased = await jobs.LeaseAsync(new LeaseRequest(600, "w", TimeSpan.FromHours(1), ["starter"]), Stop);
        Assert.Equal(Enumerable.Range(0, 600).Select(i => $"job_{i:D26}"), leased.Select(l => l.Job.Id.Value));
        Assert.Empty(await jobs.ShapesAsync(Stop));
    }

    [Fact]
    public async Task A_file_of_a_newer_program_is_refused_in_one_sentence()
    {
        await using var place = new SqliteJobPlace();
        using (var session = place.Open())
            session.RunScript("PRAGMA user_version = 1000");
        var e = Assert.Throws<StoreUnavailableException>(() =>
            new SqliteJobs(new JobsOptions { SqlitePath = place.DatabasePath }, new QueueLimitsOptions(), TimeProvider.System));
        Assert.Contains("1000", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Processes_may_open_a_new_file_at_once()
    {
        using var folder = new TemporaryFolder();
        var options = new JobsOptions { SqlitePath = Path.Combine(folder.Path, "jobs.db") };
        var opened = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ =>
            Task.Run(() => new SqliteJobs(options, new QueueLimitsOptions(), TimeProvider.System), Stop)));
        await opened[0].SubmitAsync(JobStoreContract.Submission(), Stop);
        foreach (var jobs in opened)
        {
            Assert.Equal(1, (await jobs.DepthAsync(Stop)).Queued);
            jobs.Dispose();
        }
    }

    [Fact]
    public async Task A_file_that_another_program_locks_is_unavailable_and_comes_back()
    {
        await using var place = new SqliteJobPlace();
        using var session = place.Open();
        session.RunScript("BEGIN IMMEDIATE");
        await Assert.ThrowsAsync<StoreUnavailableException>(() => place.Store.SubmitAsync(JobStoreContract.Submission(), Stop));
        Assert.Equal(0, (await place.Store.DepthAsync(Stop)).Queued);
        session.RunScript("ROLLBACK");
        Assert.Equal(SubmitOutcome.Accepted, (await place.Store.SubmitAsync(JobStoreContract.Submission(), Stop)).Outcome);
    }

    [Fact]
    public void A_path_that_cannot_be_opened_is_named()
    {
        using var folder = new TemporaryFolder();
        var e = Assert.Throws<StoreUnavailableException>(() =>
            new SqliteJobs(new JobsOptions { SqlitePath = folder.Path }, new QueueLimitsOptions(), TimeProvider.System));
        Assert.Contains("Jobs:SqlitePath", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_idempotency_key_is_forgotten_after_a_day()
    {
        await using var place = new SqliteJobPlace();
        await place.Store.SubmitAsync(JobStoreContract.Submission(key: "k", fingerprint: "f"), Stop);
        place.Time.Advance(TimeSpan.FromHours(24) - TimeSpan.FromSeconds(1));
        Assert.Equal(SubmitOutcome.KeyReused, (await place.Store.SubmitAsync(JobStoreContract.Submission(key: "k", fingerprint: "g"), Stop)).Outcome);
        place.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(SubmitOutcome.Accepted, (await place.Store.SubmitAsync(JobStoreContract.Submission(key: "k", fingerprint: "g"), Stop)).Outcome);
    }

    [Fact]
    public async Task A_model_is_forgotten_after_a_week_of_silence()
    {
        await using var place = new SqliteJobPlace();
        var model = new ModelDescription
        {
            Id = "m", Family = ModelFamily.StableDiffusion1, SizeMultiple = 64, DefaultWidth = 512, DefaultHeight = 512, DefaultSteps = 20,
            DefaultGuidanceScale = 7, DefaultScheduler = "euler",
        };
        await place.Queue.AnnounceAsync([model], new WorkerPace("w", []), Stop);
        place.Time.Advance(TimeSpan.FromDays(7) - TimeSpan.FromSeconds(1));
        Assert.Single(await place.Store.ListModelsAsync(Stop));
        place.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.Empty(await place.Store.ListModelsAsync(Stop));
    }

    [Fact]
    public async Task A_silent_workers_pace_is_forgotten_after_a_minute()
    {
        await using var place = new SqliteJobPlace();
        await place.Queue.AnnounceAsync([], JobStoreContract.Paced("w", 0.5), Stop);
        place.Time.Advance(TimeSpan.FromSeconds(59));
        Assert.Single(await place.Store.ListPacesAsync(Stop));
        place.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.Empty(await place.Store.ListPacesAsync(Stop));
    }

    [Fact]
    public async Task Previews_are_dropped_after_an_hour_and_the_rest_of_the_log_stays()
    {
        await using var place = new SqliteJobPlace();
        await place.Store.SubmitAsync(JobStoreContract.Submission(), Stop);
        var lease = (await place.Queue.LeaseAsync(new LeaseRequest(1, "w", TimeSpan.FromHours(9), ["starter"]), Stop))[0].Lease;
        await place.Queue.PublishPreviewAsync(lease, new Preview(0, 1, 2, new byte[] { 1 }, "image/png", 1, 1), Stop);
        await place.Queue.CompleteAsync(lease, JobStoreContract.Result(lease), Stop);
        foreach (var (minutes, events) in new[] { (59, 4), (1, 3) })
        {
            place.Time.Advance(TimeSpan.FromMinutes(minutes));
            await place.Retention.RemoveOldAsync(10, Stop);
            using var session = place.Open();
            Assert.Equal(events, session.Scalar<long>("SELECT count(*) FROM events"));
        }
    }

    [Fact]
    public async Task A_removed_job_is_gone_for_a_day_and_then_unknown()
    {
        await using var place = new SqliteJobPlace();
        var id = (await place.Store.SubmitAsync(JobStoreContract.Submission(), Stop)).Job!.Id;
        await place.Store.CancelAsync(id, Stop);
        place.Time.Advance(TimeSpan.FromHours(168));
        Assert.Equal([id], await place.Retention.RemoveOldAsync(10, Stop));
        Assert.True(await place.Store.WasRemovedAsync(id, Stop));
        place.Time.Advance(TimeSpan.FromHours(24));
        Assert.False(await place.Store.WasRemovedAsync(id, Stop));
        using var session = place.Open();
        Assert.Equal(0, session.Scalar<long>("SELECT count(*) FROM events"));
    }
}
