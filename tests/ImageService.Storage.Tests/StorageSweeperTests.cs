using ImageService.Core;
using ImageService.Storage.Disk;
using ImageService.Storage.Tests.Contracts;
using ImageService.Storage.Tests.Sqlite;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace ImageService.Storage.Tests;

public sealed class StorageSweeperTests : IAsyncLifetime
{
    private readonly TemporaryFolder folder = new();
    private readonly SqliteJobPlace place = new();
    private readonly FakeTimeProvider time = new(TimeProvider.System.GetUtcNow());
    private readonly DiskBlobs blobs;
    private readonly StorageSweeper sweeper;

    public StorageSweeperTests()
    {
        blobs = new DiskBlobs(new BlobsOptions { DiskPath = folder.Path }, time);
        sweeper = new StorageSweeper(place.Store, place.Retention, blobs, time, NullLogger<StorageSweeper>.Instance);
    }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        sweeper.Dispose();
        await place.DisposeAsync();
        folder.Dispose();
    }

    [Fact]
    public async Task An_old_job_goes_with_its_blobs_and_others_stay()
    {
        var old = await CompleteAsync();
        var young = await CompleteAsync();
        await PutAsync(BlobNames.StartImage(old.Id));
        await place.AgeAsync(old.Id);
        await sweeper.SweepJobsAsync(Stop);
        Assert.Null(await place.Store.GetAsync(old.Id, Stop));
        Assert.Equal([BlobNames.Image(young, 0)], await NamesAsync());
    }

    [Fact]
    public async Task Blobs_of_an_attempt_that_lost_are_removed_an_hour_after_they_were_written()
    {
        var winner = await CompleteAsync();
        var loser = winner with { Token = winner.Token - 1 };
        await PutAsync(BlobNames.Image(loser, 0));
        await PutAsync(BlobNames.StartImage(winner.Id));
        time.Advance(TimeSpan.FromMinutes(50));
        await sweeper.SweepOrphansAsync(Stop);
        Assert.Equal(3, (await NamesAsync()).Count);
        time.Advance(TimeSpan.FromMinutes(11));
        await sweeper.SweepOrphansAsync(Stop);
        Assert.Equal(new[] { BlobNames.Image(winner, 0), BlobNames.StartImage(winner.Id) }.ToHashSet(), (await NamesAsync()).ToHashSet());
    }

    [Fact]
    public async Task Blobs_of_a_job_that_has_not_ended_stay_however_old()
    {
        await place.Store.SubmitAsync(JobStoreContract.Submission(), Stop);
        var lease = (await place.Queue.LeaseAsync(new LeaseRequest(1, "w", TimeSpan.FromHours(100), ["starter"]), Stop))[0].Lease;
        await PutAsync(BlobNames.Image(lease, 0));
        time.Advance(TimeSpan.FromDays(2));
        await sweeper.SweepOrphansAsync(Stop);
        Assert.Single(await NamesAsync());
    }

    [Fact]
    public async Task Blobs_of_jobs_that_never_were_are_removed()
    {
        await PutAsync(BlobNames.StartImage(JobId.New(time)));
        await PutAsync("jobs/not-an-id/x.png");
        await PutAsync("elsewhere/x.png");
        time.Advance(TimeSpan.FromHours(2));
        await sweeper.SweepOrphansAsync(Stop);
        Assert.Equal(["elsewhere/x.png"], await NamesAsync());
    }

    private async Task<Lease> CompleteAsync()
    {
        await place.Store.SubmitAsync(JobStoreContract.Submission(), Stop);
        var lease = (await place.Queue.LeaseAsync(new LeaseRequest(1, "w", TimeSpan.FromHours(1), ["starter"]), Stop))[0].Lease;
        await PutAsync(BlobNames.Image(lease, 0));
        Assert.True(await place.Queue.CompleteAsync(lease, JobStoreContract.Result(lease), Stop));
        return lease;
    }

    private Task PutAsync(string name) => blobs.PutAsync(name, new byte[] { 1 }, "image/png", Stop);

    private async Task<List<string>> NamesAsync()
    {
        var names = new List<string>();
        await foreach (var entry in blobs.ListAsync("", Stop))
            names.Add(entry.Name);
        return names;
    }
}
