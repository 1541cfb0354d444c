using ImageService.Core;

namespace ImageService.Storage.Tests.Contracts;

public abstract partial class JobStoreContract
{
    [Fact]
    public async Task A_leased_job_is_running()
    {
        var submission = Submission() with { TraceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" };
        await Store.SubmitAsync(submission, Stop);
        var leased = await LeaseOneAsync();
        Assert.Equal(submission.Id, leased.Lease.Id);
        Assert.Equal(submission.TraceParent, leased.TraceParent);
        Assert.True(leased.State.IsEmpty);
        foreach (var job in new[] { leased.Job, await GetAsync(submission.Id) })
        {
            Assert.Equal(JobStatus.Running, job.Status);
            Assert.Equal(1, job.Attempts);
            Assert.NotNull(job.StartedAt);
            Assert.Null(job.QueuePosition);
            Assert.Equal(submission.Request, job.Request);
        }
    }

    [Fact]
    public async Task An_empty_queue_leases_nothing() => Assert.Empty(await LeaseAsync(10));

    [Fact]
    public async Task A_job_is_leased_once()
    {
        await SubmitAndLeaseAsync();
        Assert.Empty(await LeaseAsync());
    }

    [Fact]
    public async Task A_lease_takes_at_most_so_many_and_the_oldest_first()
    {
        var ids = new List<JobId>();
        for (var i = 0; i < 5; i++)
            ids.Add(await SubmitAsync());
        Assert.Equal(ids.Take(3), (await LeaseAsync(3)).Select(j => j.Job.Id));
        Assert.Equal(ids.Skip(3), (await LeaseAsync(3)).Select(j => j.Job.Id));
    }

    [Fact]
    public async Task Fifty_racing_workers_never_share_a_job()
    {
        for (var i = 0; i < 100; i++)
            await SubmitAsync($"client-{i % 3}");
        var leased = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => Task.Run(() => LeaseAsync(3), Stop)));
        var ids = leased.SelectMany(l => l).Select(l => l.Job.Id).ToList();
        Assert.Equal(100, ids.Count);
        Assert.Equal(100, ids.Distinct().Count());
    }

    [Fact]
    public async Task A_lease_that_ran_out_gives_the_job_to_another_with_a_larger_token()
    {
        var first = await SubmitAndLeaseAsync();
        await place.ExpireLeaseAsync(first.Job.Id);
        var second = await LeaseOneAsync();
        Assert.Equal(first.Job.Id, second.Job.Id);
        Assert.True(second.Lease.Token > first.Lease.Token);
        Assert.Equal(2, second.Job.Attempts);
        Assert.Equal(first.Job.StartedAt, second.Job.StartedAt);
    }

    [Fact]
    public async Task A_renewed_lease_does_not_run_out()
    {
        var leased = await SubmitAndLeaseAsync();
        await place.ExpireLeaseAsync(leased.Job.Id);
        Assert.Empty(await Queue.RenewAsync([leased.Lease], Long, Stop));
        Assert.Empty(await LeaseAsync());
    }

    [Fact]
    public async Task Renewing_tells_which_leases_are_lost()
    {
        var lost = await SubmitAndLeaseAsync();
        await place.ExpireLeaseAsync(lost.Job.Id);
        await LeaseOneAsync();
        var canceled = await SubmitAndLeaseAsync();
        await Store.CancelAsync(canceled.Job.Id, Stop);
        var held = await SubmitAndLeaseAsync();
        var answer = await Queue.RenewAsync([lost.Lease, canceled.Lease, held.Lease, new Lease(JobId.New(TimeProvider.System), 1)], Long, Stop);
        Assert.Equal(3, answer.Count);
        Assert.DoesNotContain(held.Lease, answer.Select(a => a.Lease));
        Assert.Equal(canceled.Lease, Assert.Single(answer, a => a.Canceled).Lease);
    }

    [Fact]
    public async Task A_job_whose_workers_die_three_times_fails()
    {
        var id = await SubmitAsync();
        for (var attempt = 1; attempt <= 3; attempt++)
        {
            Assert.Equal(attempt, (await LeaseOneAsync()).Job.Attempts);
            await place.ExpireLeaseAsync(id);
        }
        Assert.Empty(await LeaseAsync());
        var job = await GetAsync(id);
        Assert.Equal(JobStatus.Failed, job.Status);
        Assert.Equal("attempts_exhausted", job.Error!.Code);
        Assert.NotNull(job.FinishedAt);
        Assert.IsType<JobFinished>((await LogAsync(id))[^1]);
    }

    [Fact]
    public async Task Leases_run_out_also_when_no_worker_asks()
    {
        var leased = await SubmitAndLeaseAsync();
        await place.ExpireLeaseAsync(leased.Job.Id);
        await place.Retention.ReturnExpiredLeasesAsync(Stop);
        Assert.Equal(JobStatus.Queued, (await GetAsync(leased.Job.Id)).Status);
    }

    [Fact]
    public async Task A_returned_job_goes_before_younger_ones_of_its_client()
    {
        var leased = await SubmitAndLeaseAsync();
        await SubmitAsync();
        await place.ExpireLeaseAsync(leased.Job.Id);
        Assert.Equal(leased.Job.Id, (await LeaseOneAsync()).Job.Id);
    }

    [Fact]
    public async Task A_released_job_keeps_its_state_and_counts_no_attempt()
    {
        var first = await SubmitAndLeaseAsync();
        await Queue.PublishProgressAsync(first.Lease, 7, 20, Stop);
        byte[] state = [0, 1, 2, 255, 10, 13, 0];
        Assert.True(await Queue.ReleaseAsync(first.Lease, state, Stop));
        var waiting = await GetAsync(first.Job.Id);
        Assert.Equal((JobStatus.Queued, 0, 7, 20), (waiting.Status, waiting.Attempts, waiting.Step, waiting.Steps));
        var second = await LeaseOneAsync();
        Assert.Equal(state, second.State.ToArray());
        Assert.Equal((1, 7), (second.Job.Attempts, second.Job.Step));
        Assert.True(second.Lease.Token > first.Lease.Token);
    }

    [Fact]
    public async Task A_job_may_be_released_any_number_of_times()
    {
        var id = await SubmitAsync();
        for (var i = 0; i < 10; i++)
            Assert.True(await Queue.ReleaseAsync((await LeaseOneAsync()).Lease, new byte[] { (byte)i }, Stop));
        Assert.Equal(new byte[] { 9 }, (await LeaseOneAsync()).State.ToArray());
        Assert.Equal(JobStatus.Running, (await GetAsync(id)).Status);
    }

    [Fact]
    public async Task A_saved_state_is_not_used_again_after_its_attempt_died()
    {
        var leased = await SubmitAndLeaseAsync();
        await Queue.PublishProgressAsync(leased.Lease, 7, 20, Stop);
        await Queue.ReleaseAsync(leased.Lease, new byte[] { 1 }, Stop);
        await LeaseOneAsync();
        await place.ExpireLeaseAsync(leased.Job.Id);
        var again = await LeaseOneAsync();
        Assert.True(again.State.IsEmpty);
        Assert.Equal(0, again.Job.Step);
    }

    [Fact]
    public async Task Waiting_for_work_ends_when_a_job_comes()
    {
        Assert.Empty(await LeaseAsync());
        var waiting = Queue.WaitForWorkAsync(Stop);
        await SubmitAsync();
        await waiting.WaitAsync(TimeSpan.FromSeconds(5), Stop);
        Assert.Single(await LeaseAsync());
    }

    [Fact]
    public async Task A_job_that_came_between_look_and_wait_is_not_slept_through()
    {
        for (var i = 0; i < 5; i++)
        {
            Assert.Empty(await LeaseAsync());
            var id = await SubmitAsync();
            await Queue.WaitForWorkAsync(Stop);
            Assert.Equal(id, (await LeaseOneAsync()).Job.Id);
        }
    }

    [Fact]
    public async Task Waiting_for_work_ends_after_about_a_second_without_any()
    {
        Assert.Empty(await LeaseAsync());
        await Queue.WaitForWorkAsync(Stop).WaitAsync(TimeSpan.FromSeconds(5), Stop);
    }

    [Fact]
    public async Task A_second_process_sees_and_leases_what_the_first_accepted()
    {
        var id = await SubmitAsync();
        var second = await place.OpenSecondAsync();
        Assert.Equal(id, (await second.Store.GetAsync(id, Stop))!.Id);
        var leased = Assert.Single(await second.Queue.LeaseAsync(new LeaseRequest(5, "worker-2", Long, [Model]), Stop));
        Assert.Empty(await LeaseAsync());
        Assert.True(await second.Queue.CompleteAsync(leased.Lease, Result(leased.Lease), Stop));
        Assert.Equal(JobStatus.Succeeded, (await GetAsync(id)).Status);
    }
}
