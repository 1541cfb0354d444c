using ImageService.Core;
using ImageService.Storage.Sqlite;
using ImageService.Storage.Tests.Contracts;
using Microsoft.Extensions.Time.Testing;

namespace ImageService.Storage.Tests.Sqlite;

internal sealed class SqliteJobPlace : JobPlace
{
    private readonly SqliteJobPlace? first;
    private readonly TemporaryFolder folder;
    private readonly int maxQueuedJobs;
    private readonly SqliteJobs jobs;
    private readonly List<SqliteJobPlace> others = [];

    public SqliteJobPlace(int maxQueuedJobs = 100_000, string synchronous = "normal")
        : this(null, new TemporaryFolder(), new FakeTimeProvider(new DateTimeOffset(2026, 5, 1, 0, 0, 0, TimeSpan.Zero)), maxQueuedJobs, synchronous)
    {
    }

    private SqliteJobPlace(SqliteJobPlace? first, TemporaryFolder folder, FakeTimeProvider time, int maxQueuedJobs, string synchronous)
    {
        this.first = first;
        this.folder = folder;
        this.maxQueuedJobs = maxQueuedJobs;
        Time = time;
        jobs = new SqliteJobs(new JobsOptions { SqlitePath = DatabasePath, SqliteSynchronous = synchronous },
            new QueueLimitsOptions { MaxQueuedJobs = maxQueuedJobs }, time);
    }

    public FakeTimeProvider Time { get; }
    public string DatabasePath => Path.Combine(folder.Path, "jobs.db");
    public override IJobStore Store => jobs;
    public override IJobQueue Queue => jobs;
    public override IJobRetention Retention => jobs;
    public override DateTimeOffset Now => Time.GetUtcNow();

    public override Task<JobPlace> OpenSecondAsync()
    {
        var second = new SqliteJobPlace(this, folder, Time, maxQueuedJobs, "normal");
        others.Add(second);
        return Task.FromResult<JobPlace>(second);
    }

    public override Task ExpireLeaseAsync(JobId id) => ExecuteAsync("UPDATE jobs SET lease_until = 0 WHERE status = 1 AND id = @id", id);

    public override Task AgeAsync(JobId id) => ExecuteAsync("UPDATE jobs SET finished_at = 0 WHERE id = @id", id);

    public override async ValueTask DisposeAsync()
    {
        foreach (var other in others)
            await other.DisposeAsync();
        jobs.Dispose();
        if (first is null)
            folder.Dispose();
    }

    private Task ExecuteAsync(string sql, JobId id)
    {
        using var session = Open();
        Assert.InRange(session.Execute(sql, ("@id", id.Value)), 0, 1);
        return Task.CompletedTask;
    }

    public SqliteSession Open() => new($"Data Source={DatabasePath};Pooling=False");
}
