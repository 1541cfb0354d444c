using ImageService.Core;

namespace ImageService.Storage.Tests.Contracts;

// Who is next, and who is before whom.
public abstract partial class JobStoreContract
{
    [Fact]
    public async Task The_higher_priority_of_a_client_goes_first()
    {
        var normal = await SubmitAsync();
        var low = await SubmitAsync(priority: -10);
        var high = await SubmitAsync(priority: 10);
        var alsoHigh = await SubmitAsync(priority: 10);
        Assert.Equal([high, alsoHigh, normal, low], (await LeaseAsync(4)).Select(j => j.Job.Id));
    }

    [Fact]
    public async Task Clients_take_turns()
    {
        var a = new List<JobId>();
        for (var i = 0; i < 4; i++)
            a.Add(await SubmitAsync("a"));
        var b = await SubmitAsync("b");
        var c = new[] { await SubmitAsync("c"), await SubmitAsync("c") };
        Assert.Equal([a[0], b, c[0], a[1], c[1], a[2], a[3]], (await LeaseAsync(7)).Select(j => j.Job.Id));
    }

    [Fact]
    public async Task One_clients_priority_does_not_push_another_client_back()
    {
        var b = await SubmitAsync("b");
        for (var i = 0; i < 3; i++)
            await SubmitAsync("a", priority: 10);
        Assert.Contains(b, (await LeaseAsync(2)).Select(j => j.Job.Id));
    }

    [Fact]
    public async Task A_late_client_goes_before_anothers_backlog()
    {
        for (var i = 0; i < 50; i++)
            await SubmitAsync("a");
        await LeaseAsync(10);
        var b = await SubmitAsync("b");
        Assert.Equal(b, (await LeaseOneAsync()).Job.Id);
    }

    [Fact]
    public async Task Clients_share_by_cost_and_not_by_jobs()
    {
        for (var i = 0; i < 10; i++)
        {
            await SubmitAsync("a", images: 4);
            await SubmitAsync("b");
            await SubmitAsync("b");
        }
        Assert.Equal((5, 20), await CountAsync(25));
    }

    [Fact]
    public async Task A_client_that_comes_back_has_not_been_forgiven_what_it_was_served()
    {
        for (var i = 0; i < 10; i++)
            await SubmitAsync("b");
        Assert.Equal((0, 1), await CountAsync(1));
        await SubmitAsync("a", images: 4);
        Assert.Equal((1, 0), await CountAsync(1));
        await SubmitAsync("a");
        Assert.Equal((0, 4), await CountAsync(4));
        Assert.Equal((1, 0), await CountAsync(1));
    }

    [Fact]
    public async Task A_stream_of_new_clients_does_not_keep_an_old_one_out()
    {
        await SubmitAsync("old");
        await SubmitAsync("old");
        await LeaseOneAsync();
        for (var i = 0; i < 5; i++)
        {
            await SubmitAsync($"new {i}");
            if ((await LeaseOneAsync()).Job.Client == "old")
                return;
        }
        Assert.Fail("The old client was never served.");
    }

    // Jobs of clients a and b among the next.
    private async Task<(int A, int B)> CountAsync(int leases)
    {
        var leased = await LeaseAsync(leases);
        return (leased.Count(j => j.Job.Client == "a"), leased.Count(j => j.Job.Client == "b"));
    }

    [Fact]
    public async Task A_client_has_one_place_in_the_ring_whatever_models_it_asks_for()
    {
        for (var i = 0; i < 3; i++)
        {
            await SubmitAsync("a", "m1");
            await SubmitAsync("a", "m2");
            await SubmitAsync("b", "m1");
        }
        var first = await LeaseAsync(6, "m1", "m2");
        Assert.Equal(3, first.Count(j => j.Job.Client == "b"));
    }

    [Fact]
    public async Task Jobs_for_other_models_are_left_alone()
    {
        var other = await SubmitAsync(model: "other");
        var mine = await SubmitAsync(model: "mine");
        Assert.Equal(mine, Assert.Single(await LeaseAsync(10, "mine", "third")).Job.Id);
        Assert.Equal(JobStatus.Queued, (await GetAsync(other)).Status);
        Assert.Equal(other, Assert.Single(await LeaseAsync(10, "other")).Job.Id);
    }

    [Fact]
    public async Task Clients_and_models_of_any_name_are_kept_apart()
    {
        var names = new[] { ("a:b", "c"), ("a", "b:c"), ("", ":a:b:c"), ("1:a", "b"), ("{x}", "*"), ("\0\n é", "'; --"), ("::1", "starter") };
        foreach (var (client, model) in names)
            await SubmitAsync(client, model);
        foreach (var (client, model) in names)
        {
            var job = Assert.Single(await LeaseAsync(10, model)).Job;
            Assert.Equal((client, model), (job.Client, job.Request.Model));
        }
    }

    [Fact]
    public async Task No_models_lease_nothing()
    {
        await SubmitAsync();
        Assert.Empty(await Queue.LeaseAsync(new LeaseRequest(1, "w", Long, []), Stop));
    }

    [Fact]
    public async Task The_queue_position_counts_the_jobs_before()
    {
        var ids = new[] { await SubmitAsync(), await SubmitAsync(), await SubmitAsync() };
        Assert.Equal([0, 1, 2], await PositionsAsync(ids));
        await LeaseOneAsync();
        Assert.Equal([null, 0, 1], await PositionsAsync(ids));
        await SubmitAsync(priority: 5);
        Assert.Equal([null, 1, 2], await PositionsAsync(ids));
    }

    [Fact]
    public async Task The_queue_position_among_very_many_clients_is_no_further_than_their_jobs()
    {
        var ids = new List<JobId>();
        for (var i = 0; i < 100; i++)
            ids.Add(await SubmitAsync($"client-{i:D3}"));
        for (var i = 0; i < 50; i++)
            ids.Add(await SubmitAsync("many"));
        Assert.Equal(Enumerable.Range(0, 150).Select(i => (int?)i), await PositionsAsync(ids));
        var served = await LeaseAsync(150);
        Assert.Equal(ids, served.Select(leased => leased.Job.Id));
    }

    [Fact]
    public async Task The_queue_position_foresees_the_turns_of_other_clients()
    {
        var ids = new List<JobId>();
        foreach (var client in new[] { "a", "a", "a", "b", "c", "c" })
            ids.Add(await SubmitAsync(client));
        var positions = await PositionsAsync(ids);
        var served = (await LeaseAsync(6)).Select(j => j.Job.Id).ToList();
        Assert.Equal(ids.Select(id => (int?)served.IndexOf(id)), positions);
    }

    private async Task<List<int?>> PositionsAsync(IEnumerable<JobId> ids)
    {
        var positions = new List<int?>();
        foreach (var id in ids)
            positions.Add((await GetAsync(id)).QueuePosition);
        return positions;
    }
}
