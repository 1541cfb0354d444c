using System.Diagnostics;
using ImageService.Core;
using ImageService.Storage.Sqlite;
using ImageService.Storage.Tests.Contracts;

namespace ImageService.Storage.Tests.Sqlite;

/// <summary>
/// A process that submits and completes is killed in full work, again and again. It notes what the store has acknowledged; a note may be missing
/// for the call that was under way, but what was noted must be so.
/// </summary>
public sealed class SqliteCrashTests
{
    private const string FolderVariable = "IMAGESERVICE_CRASH_FOLDER";
    private const int Kills = 6;
    private const int NotesALife = 300;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Nothing_acknowledged_is_lost_and_nothing_completes_twice_over_kill_9()
    {
        using var folder = new TemporaryFolder();
        var notes = Path.Combine(folder.Path, "notes");
        await File.WriteAllTextAsync(notes, "", Stop);
        for (var kill = 0; kill < Kills; kill++)
        {
            var before = new FileInfo(notes).Length;
            using var child = StartChild(folder.Path);
            var begun = Stopwatch.StartNew();
            while (new FileInfo(notes).Length < before + NotesALife * 40)
            {
                Assert.False(child.HasExited, "The child ended by itself.");
                Assert.True(begun.Elapsed < Patience, "The child does not work.");
                await Task.Delay(5, Stop);
            }
            child.Kill(); // SIGKILL
            await child.WaitForExitAsync(Stop);
        }

        var lines = (await File.ReadAllLinesAsync(notes, Stop)).Select(l => l.Split(' ')).ToList();
        var accepted = lines.Where(l => l is ["accepted", _]).Select(l => JobId.Parse(l[1])).ToList();
        var completed = lines.Where(l => l is ["completed", _, _]).Select(l => new Lease(JobId.Parse(l[1]), long.Parse(l[2]))).ToList();
        Assert.Equal(completed.Count, completed.DistinctBy(l => l.Id).Count());

        using var jobs = Open(folder.Path);
        await DrainAsync(jobs);
        foreach (var id in accepted)
        {
            var job = await jobs.GetAsync(id, Stop);
            Assert.NotNull(job);
            Assert.True(job.IsFinal, $"{id} is {job.Status}.");
        }
        foreach (var lease in completed)
        {
            var job = (await jobs.GetAsync(lease.Id, Stop))!;
            Assert.Equal(JobStatus.Succeeded, job.Status);
            Assert.Equal(BlobNames.Image(lease, 0), job.Images[0].BlobName);
        }
        Assert.Equal(default, await jobs.DepthAsync(Stop));
    }

    /// <summary>Not a test: what the child process runs.</summary>
    [Fact(Explicit = true)]
    public async Task Child()
    {
        var folder = Environment.GetEnvironmentVariable(FolderVariable);
        if (folder is null)
            Assert.Skip("Only the crash test starts this.");
        using var jobs = Open(folder);
        await using var notes = new FileStream(Path.Combine(folder, "notes"), FileMode.Append, FileAccess.Write, FileShare.ReadWrite, 0);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() => WorkAsync(jobs, notes), Stop)));
    }

    private static async Task WorkAsync(SqliteJobs jobs, FileStream notes)
    {
        while (!Stop.IsCancellationRequested)
        {
            var submission = JobStoreContract.Submission();
            await jobs.SubmitAsync(submission, Stop);
            Note(notes, $"accepted {submission.Id}\n");
            foreach (var leased in await jobs.LeaseAsync(new LeaseRequest(1, "child", TimeSpan.FromMilliseconds(300), ["starter"]), Stop))
            {
                await jobs.PublishProgressAsync(leased.Lease, 1, 1, Stop);
                if (await jobs.CompleteAsync(leased.Lease, JobStoreContract.Result(leased.Lease), Stop))
                    Note(notes, $"completed {leased.Job.Id} {leased.Lease.Token}\n");
            }
        }
    }

    private static void Note(FileStream notes, string line)
    {
        lock (notes)
            notes.Write(System.Text.Encoding.ASCII.GetBytes(line)); // unbuffered: with the kernel, which outlives the process
    }

    private static async Task DrainAsync(SqliteJobs jobs)
    {
        var begun = Stopwatch.StartNew();
        while (await jobs.DepthAsync(Stop) is not { Queued: 0, Running: 0 })
        {
            Assert.True(begun.Elapsed < Patience, "Jobs are stuck.");
            foreach (var leased in await jobs.LeaseAsync(new LeaseRequest(1000, "parent", TimeSpan.FromMinutes(1), ["starter"]), Stop))
                Assert.True(await jobs.CompleteAsync(leased.Lease, JobStoreContract.Result(leased.Lease), Stop));
            await jobs.WaitForWorkAsync(Stop);
        }
    }

    private static SqliteJobs Open(string folder) => new(
        new JobsOptions { SqlitePath = Path.Combine(folder, "jobs.db") }, new QueueLimitsOptions { MaxQueuedJobs = 1_000_000 }, TimeProvider.System);

    private static Process StartChild(string folder)
    {
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "ImageService.Storage.Tests"))
        {
            ArgumentList = { "-explicit", "only", "-method", $"{typeof(SqliteCrashTests).FullName}.{nameof(Child)}" },
            Environment = { [FolderVariable] = folder },
            RedirectStandardOutput = true,
        };
        return Process.Start(start)!;
    }
}
