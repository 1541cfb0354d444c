using ImageService.Core;

namespace ImageService.Storage.Tests.Contracts;

public abstract partial class JobStoreContract
{
    private static readonly long OneCost = RequestCost.Of(Request());

    [Fact]
    public async Task The_cost_ahead_is_that_of_the_jobs_served_before()
    {
        // Within a client the jobs are alike, so the figure is exact.
        var ids = new List<JobId>();
        foreach (var (client, images) in new[] { ("a", 1), ("a", 1), ("a", 1), ("b", 3), ("c", 2), ("c", 2) })
            ids.Add(await SubmitAsync(client, images: images));
        var ahead = new Dictionary<JobId, long>();
        foreach (var id in ids)
            ahead[id] = (await GetAsync(id)).Load!.Value.Ahead;
        var before = 0L;
        foreach (var leased in await LeaseAsync(6))
        {
            Assert.Equal(before, ahead[leased.Job.Id]);
            before += RequestCost.Of(leased.Job.Request);
        }
    }

    [Fact]
    public async Task An_accepted_job_is_told_the_same_load_as_one_that_is_looked_at()
    {
        for (var i = 0; i < 3; i++)
            await SubmitAsync("a", images: 2);
        await LeaseAsync(1);
        await SubmitAsync("b");
        var accepted = (await Store.SubmitAsync(Submission("a", images: 2), Stop)).Job!;
        Assert.Equal(new QueueLoad(Ahead: 5 * OneCost, Held: 2 * OneCost, HeldLeft: 2 * OneCost, HeldRows: 4), accepted.Load);
        Assert.Equal(accepted.Load, (await GetAsync(accepted.Id)).Load);
    }

    [Fact]
    public async Task The_cost_ahead_is_known_among_many_clients()
    {
        for (var i = 0; i < 600; i++)
            await SubmitAsync($"client-{i}");
        var last = await GetAsync(await SubmitAsync("client-600"));
        Assert.Equal((600, 600 * OneCost), (last.QueuePosition, last.Load!.Value.Ahead));
    }

    [Fact]
    public async Task Running_jobs_count_with_what_their_steps_have_left()
    {
        var first = await SubmitAndLeaseAsync();
        await SubmitAsync(images: 3);
        var second = await LeaseOneAsync();
        await AssertHeldAsync(4 * OneCost, 4 * OneCost, rows: 8);
        await Queue.PublishProgressAsync(first.Lease, 5, 20, Stop);
        await Queue.PublishProgressAsync(second.Lease, 4, 40, Stop);
        await AssertHeldAsync(4 * OneCost, (OneCost * 15 / 20) + (3 * OneCost * 36 / 40), rows: 8);
        await Queue.PublishProgressAsync(first.Lease, 20, 20, Stop);
        await AssertHeldAsync(4 * OneCost, 3 * OneCost * 36 / 40, rows: 8);
        await Queue.CompleteAsync(first.Lease, Result(first.Lease), Stop);
        await AssertHeldAsync(3 * OneCost, 3 * OneCost * 36 / 40, rows: 6);
        await Store.CancelAsync(second.Job.Id, Stop);
        await AssertHeldAsync(0, 0, rows: 0);

        async Task AssertHeldAsync(long all, long left, int rows)
        {
            var observer = await SubmitAsync("observer");
            Assert.Equal(new QueueLoad(0, all, left, rows), (await GetAsync(observer)).Load);
            await Store.CancelAsync(observer, Stop);
        }
    }

    [Fact]
    public async Task A_running_job_has_nothing_ahead_and_an_ended_one_no_load()
    {
        var leased = await SubmitAndLeaseAsync();
        Assert.Equal(new QueueLoad(0, OneCost, OneCost, 2), (await GetAsync(leased.Job.Id)).Load);
        await Queue.CompleteAsync(leased.Lease, Result(leased.Lease), Stop);
        Assert.Null((await GetAsync(leased.Job.Id)).Load);
        Assert.Null((await Store.ListAsync(new JobQuery(), Stop)).Jobs[0].Load);
    }

    [Fact]
    public async Task A_job_handed_back_is_held_again_for_what_is_left_of_it()
    {
        var leased = await SubmitAndLeaseAsync();
        await Queue.PublishProgressAsync(leased.Lease, 5, 20, Stop);
        await Queue.ReleaseAsync(leased.Lease, new byte[] { 1 }, Stop);
        Assert.Equal(default(QueueLoad), (await GetAsync(leased.Job.Id)).Load);
        await LeaseOneAsync();
        Assert.Equal(new QueueLoad(0, OneCost, OneCost * 15 / 20, 2), (await GetAsync(leased.Job.Id)).Load);
        await place.ExpireLeaseAsync(leased.Job.Id);
        await place.Retention.ReturnExpiredLeasesAsync(Stop);
        Assert.Equal(default(QueueLoad), (await GetAsync(leased.Job.Id)).Load);
    }

    [Fact]
    public async Task The_last_event_of_a_job_carries_its_load_and_earlier_ones_do_not()
    {
        var leased = await SubmitAndLeaseAsync();
        await Queue.PublishProgressAsync(leased.Lease, 5, 20, Stop);
        var loads = new List<QueueLoad?>();
        await foreach (var one in Store.WatchAsync(leased.Job.Id, 0, Stop))
        {
            loads.Add(Assert.IsType<JobProgress>(one).Load);
            if (one is JobProgress { Step: 5 })
                break;
        }
        Assert.Equal([null, null, new QueueLoad(0, OneCost, OneCost * 15 / 20, 2)], loads);
    }

    [Fact]
    public async Task A_full_queue_tells_what_waits_in_it()
    {
        place = await OpenWithLimitAsync(2);
        await SubmitAsync("a", images: 3);
        await SubmitAsync("b");
        var refused = await Store.SubmitAsync(Submission("c"), Stop);
        Assert.Equal((SubmitOutcome.QueueFull, 4 * OneCost), (refused.Outcome, refused.Waiting));
    }

    [Fact]
    public async Task What_workers_measured_is_listed_until_they_take_it_back()
    {
        Assert.Empty(await Store.ListPacesAsync(Stop));
        await Queue.AnnounceAsync([Described("a")], new WorkerPace("w2", []), Stop);
        await Queue.AnnounceAsync([Described("a")], Paced("w2", 0.5), Stop);
        await Queue.AnnounceAsync([Described("a")], Paced("w1", 0.25), Stop);
        await Queue.AnnounceAsync([Described("a")], Paced("w2", 0.75), Stop);
        var paces = await Store.ListPacesAsync(Stop);
        Assert.Equal([("w1", Paced("", 0.25).Models[0]), ("w2", Paced("", 0.75).Models[0])], paces.Select(p => (p.WorkerId, p.Models.Single())));
        await Queue.AnnounceAsync([Described("a")], new WorkerPace("w1", []), Stop);
        Assert.Equal("w2", Assert.Single(await Store.ListPacesAsync(Stop)).WorkerId);
    }

    internal static WorkerPace Paced(string worker, double callSeconds) => new(worker,
        [new ModelPace { Model = Model, CallSeconds = callSeconds, UnitSeconds = 1e-6, RowUnits = 1024, CallRows = 8, HeldRows = 10, EndSeconds = 0.125 }]);
}
