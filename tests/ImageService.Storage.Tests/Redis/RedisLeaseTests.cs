using ImageService.Core;
using ImageService.Storage.Tests.Contracts;

namespace ImageService.Storage.Tests.Redis;

/// <summary>What becomes of leases when Redis, or the way to it, is away.</summary>
public sealed class RedisLeaseTests(RedisServer server)
{
    private const int LeaseMilliseconds = 30_000;
    private const int Inexact = LeaseMilliseconds / 20; // when a worker was heard is not written down each time
    private static readonly LeaseRequest Request = new(1, "w", TimeSpan.FromMilliseconds(LeaseMilliseconds), ["starter"]);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Workers_keep_their_jobs_over_a_silence_longer_than_their_leases()
    {
        await using var place = new RedisJobPlace(await server.ConnectionAsync());
        var lease = await SubmitAndLeaseAsync(place);
        for (var outage = 0; outage < 3; outage++)
        {
            await PassAsync(place, 200_000);
            await place.Retention.ReturnExpiredLeasesAsync(Stop);
            Assert.Empty(await place.Queue.LeaseAsync(Request, Stop)); // another worker, before the first has had a chance to renew
            Assert.InRange(await LeftAsync(place, lease.Id), LeaseMilliseconds / 2, LeaseMilliseconds + Inexact);
            Assert.Empty(await place.Queue.RenewAsync([lease], Request.Duration, Stop));
        }
        Assert.True(await place.Queue.CompleteAsync(lease, JobStoreContract.Result(lease), Stop));
        Assert.Equal(1, (await place.Store.GetAsync(lease.Id, Stop))!.Attempts);
    }

    [Fact]
    public async Task A_silence_gives_a_lease_the_time_that_it_had_left_and_half_a_lease_more()
    {
        await using var place = new RedisJobPlace(await server.ConnectionAsync());
        var lease = await SubmitAndLeaseAsync(place);
        await PassAsync(place, LeaseMilliseconds - 5_000, heardToo: false);
        await PassAsync(place, 3_600_000);
        Assert.Empty(await place.Queue.LeaseAsync(Request, Stop));
        Assert.InRange(await LeftAsync(place, lease.Id), LeaseMilliseconds / 2, (LeaseMilliseconds / 2) + 5_000 + Inexact);
        await PassAsync(place, (LeaseMilliseconds / 2) + 5_000 + Inexact, heardToo: false);
        Assert.Equal(2, Assert.Single(await place.Queue.LeaseAsync(Request, Stop)).Job.Attempts);
    }

    [Fact]
    public async Task A_clock_that_is_set_back_does_not_lengthen_leases()
    {
        await using var place = new RedisJobPlace(await server.ConnectionAsync());
        var lease = await SubmitAndLeaseAsync(place);
        await PassAsync(place, -3_600_000);
        Assert.Empty(await place.Queue.LeaseAsync(Request, Stop));
        Assert.InRange(await LeftAsync(place, lease.Id), LeaseMilliseconds / 2, LeaseMilliseconds + Inexact);
    }

    [Fact]
    public async Task Jobs_of_workers_that_are_silent_for_ten_leases_are_given_back_without_one()
    {
        await using var place = new RedisJobPlace(await server.ConnectionAsync());
        var lease = await SubmitAndLeaseAsync(place);
        await PassAsync(place, LeaseMilliseconds * 9);
        await place.Retention.ReturnExpiredLeasesAsync(Stop);
        Assert.Equal(JobStatus.Running, (await place.Store.GetAsync(lease.Id, Stop))!.Status);
        await PassAsync(place, LeaseMilliseconds);
        await place.Retention.ReturnExpiredLeasesAsync(Stop);
        Assert.Equal(JobStatus.Queued, (await place.Store.GetAsync(lease.Id, Stop))!.Status);
    }

    [Fact]
    public async Task A_call_for_jobs_that_a_hanging_server_runs_when_it_wakes_gives_them_to_the_one_who_asked()
    {
        using var process = await RedisJobsTests.StartOwnAsync();
        await using var place = new RedisJobPlace(process.Connection);
        var other = await place.OpenSecondAsync();
        var id = await SubmitAndLeaseUnansweredAsync(process, place);
        Assert.Empty(await other.Queue.LeaseAsync(Request, Stop));
        var leased = Assert.Single(await place.Queue.LeaseAsync(Request, Stop));
        Assert.Equal((id, 1), (leased.Job.Id, leased.Job.Attempts));
        Assert.True(await place.Queue.CompleteAsync(leased.Lease, JobStoreContract.Result(leased.Lease), Stop));
        Assert.Empty(await place.Queue.LeaseAsync(Request, Stop));
    }

    [Fact]
    public async Task A_repeated_call_for_jobs_gets_none_that_have_gone_on_meanwhile()
    {
        using var process = await RedisJobsTests.StartOwnAsync();
        await using var place = new RedisJobPlace(process.Connection);
        var other = await place.OpenSecondAsync();
        var id = await SubmitAndLeaseUnansweredAsync(process, place);
        await place.ExpireLeaseAsync(id);
        var taken = Assert.Single(await other.Queue.LeaseAsync(Request, Stop)).Lease;
        var next = (await place.Store.SubmitAsync(JobStoreContract.Submission(), Stop)).Job!.Id;
        Assert.Equal(next, Assert.Single(await place.Queue.LeaseAsync(Request, Stop)).Job.Id);
        Assert.True(await other.Queue.CompleteAsync(taken, JobStoreContract.Result(taken), Stop));
    }

    [Fact]
    public async Task Two_leases_never_share_a_token_though_the_server_has_forgotten_the_first()
    {
        await using var place = new RedisJobPlace(await server.ConnectionAsync());
        var lease = await SubmitAndLeaseAsync(place);
        await place.ExpireLeaseAsync(lease.Id);
        await place.Retention.ReturnExpiredLeasesAsync(Stop);
        await place.Connection.GetDatabase().HashSetAsync(place.Key($"job:{lease.Id}"), [new("token", 0), new("attempts", 0)]); // as before the write that was lost
        var again = Assert.Single(await place.Queue.LeaseAsync(Request, Stop)).Lease;
        Assert.NotEqual(lease.Token, again.Token);
        Assert.False(await place.Queue.CompleteAsync(lease, JobStoreContract.Result(lease), Stop));
        Assert.True(await place.Queue.CompleteAsync(again, JobStoreContract.Result(again), Stop));
    }

    private static async Task<Lease> SubmitAndLeaseAsync(RedisJobPlace place)
    {
        await place.Store.SubmitAsync(JobStoreContract.Submission(), Stop);
        return Assert.Single(await place.Queue.LeaseAsync(Request, Stop)).Lease;
    }

    // The server hangs until the caller has given up, and then runs the call all the same.
    private static async Task<JobId> SubmitAndLeaseUnansweredAsync(RedisProcess process, RedisJobPlace place)
    {
        var id = (await place.Store.SubmitAsync(JobStoreContract.Submission(), Stop)).Job!.Id;
        process.Send("STOP");
        await Assert.ThrowsAsync<StoreUnavailableException>(() => place.Queue.LeaseAsync(Request, Stop));
        process.Send("CONT");
        await UntilAsync(async () => (await place.Store.DepthAsync(Stop)).Running == 1);
        return id;
    }

    // The server's clock cannot be set: what it has written down is moved instead.
    private static async Task PassAsync(RedisJobPlace place, long milliseconds, bool heardToo = true)
    {
        var database = place.Connection.GetDatabase();
        foreach (var lease in await database.SortedSetRangeByRankAsync(place.Key("leases")))
            await database.SortedSetIncrementAsync(place.Key("leases"), lease, -milliseconds);
        if (heardToo)
            await database.HashIncrementAsync(place.Key("counters"), "heard", -milliseconds);
    }

    private static async Task<double> LeftAsync(RedisJobPlace place, JobId id) =>
        (await place.Connection.GetDatabase().SortedSetScoreAsync(place.Key("leases"), id.Value))!.Value
        - new DateTimeOffset(await place.Connection.GetServers()[0].TimeAsync(), TimeSpan.Zero).ToUnixTimeMilliseconds();

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        for (var tries = 0; ; tries++)
        {
            try
            {
                if (await condition())
                    return;
            }
            catch (StoreUnavailableException) when (tries < 100)
            {
            }
            Assert.True(tries < 100, "It does not come about.");
            await Task.Delay(100, Stop);
        }
    }
}
