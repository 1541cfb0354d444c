using ImageService.Core;
using ImageService.Storage.Tests.Contracts;

namespace ImageService.Storage.Tests.Sqlite;

/// <summary>How long a lease lasts, by a clock that the test sets.</summary>
public sealed class SqliteLeaseTests
{
    private static readonly LeaseRequest Request = new(1, "w", TimeSpan.FromSeconds(30), ["starter"]);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_lease_runs_out_when_its_time_has_passed_and_not_before()
    {
        await using var place = new SqliteJobPlace();
        var lease = await SubmitAndLeaseAsync(place);
        await IdleAsync(place, seconds: 29);
        Assert.Empty(await place.Queue.RenewAsync([lease], Request.Duration, Stop));
        await IdleAsync(place, seconds: 29);
        place.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.Single(await place.Queue.LeaseAsync(Request, Stop));
    }

    [Fact]
    public async Task A_process_that_stood_still_keeps_its_jobs()
    {
        await using var place = new SqliteJobPlace();
        var lease = await SubmitAndLeaseAsync(place);
        for (var night = 0; night < 3; night++)
        {
            place.Time.Advance(TimeSpan.FromSeconds(200));
            await place.Retention.ReturnExpiredLeasesAsync(Stop);
            Assert.Empty(await place.Queue.LeaseAsync(Request, Stop)); // before the worker has had a chance to renew
            Assert.Empty(await place.Queue.RenewAsync([lease], Request.Duration, Stop));
        }
        Assert.True(await place.Queue.CompleteAsync(lease, JobStoreContract.Result(lease), Stop));
        Assert.Equal(1, (await place.Store.GetAsync(lease.Id, Stop))!.Attempts);
    }

    [Fact]
    public async Task A_worker_that_did_not_come_back_from_a_standstill_loses_its_job_one_lease_later()
    {
        await using var place = new SqliteJobPlace();
        await SubmitAndLeaseAsync(place);
        place.Time.Advance(TimeSpan.FromHours(8));
        Assert.Empty(await place.Queue.LeaseAsync(Request, Stop));
        await IdleAsync(place, seconds: 29);
        place.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(2, Assert.Single(await place.Queue.LeaseAsync(Request, Stop)).Job.Attempts);
    }

    [Fact]
    public async Task A_process_that_stood_still_alone_does_not_keep_anothers_jobs_for_itself()
    {
        await using var place = new SqliteJobPlace();
        var lease = await SubmitAndLeaseAsync(place);
        var other = await place.OpenSecondAsync();
        for (var second = 0; second < 30; second++)
        {
            Assert.Empty(await other.Queue.LeaseAsync(Request, Stop));
            place.Time.Advance(TimeSpan.FromSeconds(1));
        }
        var taken = Assert.Single(await other.Queue.LeaseAsync(Request, Stop)).Lease;
        Assert.Equal(lease, Assert.Single(await place.Queue.RenewAsync([lease], Request.Duration, Stop)).Lease);
        Assert.True(await other.Queue.CompleteAsync(taken, JobStoreContract.Result(taken), Stop));
    }

    [Fact]
    public async Task A_new_process_takes_the_jobs_of_a_dead_one_when_their_leases_end()
    {
        await using var place = new SqliteJobPlace();
        await SubmitAndLeaseAsync(place);
        place.Time.Advance(TimeSpan.FromSeconds(30));
        var next = await place.OpenSecondAsync();
        Assert.Single(await next.Queue.LeaseAsync(Request, Stop));
    }

    [Fact]
    public async Task Jobs_of_workers_that_are_silent_for_long_are_given_back_without_one()
    {
        await using var place = new SqliteJobPlace();
        var id = (await SubmitAndLeaseAsync(place)).Id;
        place.Time.Advance(TimeSpan.FromSeconds(299));
        await place.Retention.ReturnExpiredLeasesAsync(Stop);
        Assert.Equal(JobStatus.Running, (await place.Store.GetAsync(id, Stop))!.Status);
        place.Time.Advance(TimeSpan.FromSeconds(1));
        await place.Retention.ReturnExpiredLeasesAsync(Stop);
        Assert.Equal(JobStatus.Queued, (await place.Store.GetAsync(id, Stop))!.Status);
    }

    private static async Task<Lease> SubmitAndLeaseAsync(SqliteJobPlace place)
    {
        await place.Store.SubmitAsync(JobStoreContract.Submission(), Stop);
        return Assert.Single(await place.Queue.LeaseAsync(Request, Stop)).Lease;
    }

    // Asks every second, as a worker does that has nothing to do.
    private static async Task IdleAsync(SqliteJobPlace place, int seconds)
    {
        for (var second = 0; second < seconds; second++)
        {
            place.Time.Advance(TimeSpan.FromSeconds(1));
            Assert.Empty(await place.Queue.LeaseAsync(Request, Stop));
        }
    }
}
