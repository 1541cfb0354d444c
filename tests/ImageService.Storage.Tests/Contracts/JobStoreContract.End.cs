using ImageService.Core;

namespace ImageService.Storage.Tests.Contracts;

public abstract partial class JobStoreContract
{
    [Fact]
    public async Task A_completed_job_has_its_pictures()
    {
        var leased = await SubmitAndLeaseAsync();
        await Queue.PublishProgressAsync(leased.Lease, 19, 20, Stop);
        var result = Result(leased.Lease);
        Assert.True(await Queue.CompleteAsync(leased.Lease, result, Stop));
        var job = await GetAsync(leased.Job.Id);
        Assert.Equal(JobStatus.Succeeded, job.Status);
        Assert.Equal(result.Images, job.Images);
        Assert.Equal(result.Timings, job.Timings);
        Assert.Equal(result.Warnings, job.Warnings);
        Assert.Equal((20, 20), (job.Step, job.Steps));
        Assert.NotNull(job.FinishedAt);
        Assert.Null(job.Error);
    }

    [Fact]
    public async Task A_job_completes_once()
    {
        var leased = await SubmitAndLeaseAsync();
        Assert.True(await Queue.CompleteAsync(leased.Lease, Result(leased.Lease), Stop));
        Assert.False(await Queue.CompleteAsync(leased.Lease, Result(leased.Lease), Stop));
    }

    [Fact]
    public async Task A_failed_job_tells_why()
    {
        var leased = await SubmitAndLeaseAsync();
        Assert.True(await Queue.FailAsync(leased.Lease, Broken, retry: false, Stop));
        var job = await GetAsync(leased.Job.Id);
        Assert.Equal(JobStatus.Failed, job.Status);
        Assert.Equal(Broken, job.Error);
        Assert.Empty(await LeaseAsync());
    }

    [Fact]
    public async Task A_failure_with_retry_goes_back_to_the_queue_while_attempts_are_left()
    {
        var id = await SubmitAsync();
        for (var attempt = 1; attempt <= 3; attempt++)
        {
            var leased = await LeaseOneAsync();
            Assert.Equal(attempt, leased.Job.Attempts);
            Assert.True(await Queue.FailAsync(leased.Lease, Broken, retry: true, Stop));
        }
        Assert.Empty(await LeaseAsync());
        var job = await GetAsync(id);
        Assert.Equal((JobStatus.Failed, Broken), (job.Status, job.Error!));
    }

    [Fact]
    public async Task Every_write_of_a_fenced_off_worker_is_refused()
    {
        var late = (await SubmitAndLeaseAsync()).Lease;
        await place.ExpireLeaseAsync(late.Id);
        var current = (await LeaseOneAsync()).Lease;
        await AssertRefusedAsync(late);
        var job = await GetAsync(late.Id);
        Assert.Equal((JobStatus.Running, 0, 2), (job.Status, job.Step, job.Attempts));
        Assert.True(await Queue.CompleteAsync(current, Result(current), Stop));
        Assert.Equal(BlobNames.Image(current, 0), (await GetAsync(late.Id)).Images[0].BlobName);
    }

    [Fact]
    public async Task Every_write_to_a_job_that_went_back_to_the_queue_is_refused()
    {
        var lease = (await SubmitAndLeaseAsync()).Lease;
        await Queue.ReleaseAsync(lease, default, Stop);
        await AssertRefusedAsync(lease);
        Assert.Equal(JobStatus.Queued, (await GetAsync(lease.Id)).Status);
    }

    [Fact]
    public async Task Every_write_to_a_job_that_has_ended_is_refused()
    {
        var lease = (await SubmitAndLeaseAsync()).Lease;
        await Queue.CompleteAsync(lease, Result(lease), Stop);
        await AssertRefusedAsync(lease);
        Assert.Equal(JobStatus.Succeeded, (await GetAsync(lease.Id)).Status);
        Assert.IsType<JobFinished>((await LogAsync(lease.Id))[^1]);
    }

    [Fact]
    public async Task Every_write_to_a_canceled_job_is_refused()
    {
        var lease = (await SubmitAndLeaseAsync()).Lease;
        await Store.CancelAsync(lease.Id, Stop);
        await AssertRefusedAsync(lease);
        Assert.Equal(JobStatus.Canceled, (await GetAsync(lease.Id)).Status);
    }

    [Fact]
    public async Task Every_write_to_an_unknown_job_is_refused() => await AssertRefusedAsync(new Lease(JobId.New(TimeProvider.System), 1));

    [Fact]
    public async Task A_token_from_the_future_is_refused()
    {
        var lease = (await SubmitAndLeaseAsync()).Lease;
        await AssertRefusedAsync(lease with { Token = lease.Token + 1 });
    }

    [Fact]
    public async Task A_queued_job_cancels_at_once_and_is_never_leased()
    {
        var id = await SubmitAsync();
        var next = await SubmitAsync();
        var canceled = (await Store.CancelAsync(id, Stop))!;
        Assert.Equal(JobStatus.Canceled, canceled.Status);
        Assert.NotNull(canceled.FinishedAt);
        Assert.Equal(next, (await LeaseOneAsync()).Job.Id);
        Assert.Empty(await LeaseAsync());
        Assert.Equal(new QueueDepth(0, 1), await Store.DepthAsync(Stop));
    }

    [Fact]
    public async Task A_running_job_cancels_at_once()
    {
        var leased = await SubmitAndLeaseAsync();
        Assert.Equal(JobStatus.Canceled, (await Store.CancelAsync(leased.Job.Id, Stop))!.Status);
        await place.ExpireLeaseAsync(leased.Job.Id);
        Assert.Empty(await LeaseAsync());
        Assert.Equal(default, await Store.DepthAsync(Stop));
    }

    [Fact]
    public async Task Canceling_a_job_that_has_ended_changes_nothing()
    {
        var done = (await SubmitAndLeaseAsync()).Lease;
        await Queue.CompleteAsync(done, Result(done), Stop);
        var failed = (await SubmitAndLeaseAsync()).Lease;
        await Queue.FailAsync(failed, Broken, retry: false, Stop);
        var canceled = await SubmitAsync();
        var first = await Store.CancelAsync(canceled, Stop);
        Assert.Equal(JobStatus.Succeeded, (await Store.CancelAsync(done.Id, Stop))!.Status);
        Assert.Equal(JobStatus.Failed, (await Store.CancelAsync(failed.Id, Stop))!.Status);
        Assert.Equal(first!.FinishedAt, (await Store.CancelAsync(canceled, Stop))!.FinishedAt);
        Assert.Single(await LogAsync(canceled), e => e is JobFinished);
    }

    [Fact]
    public async Task The_worker_hears_of_a_cancellation()
    {
        var leased = await SubmitAndLeaseAsync();
        await using var cancellations = Queue.CancellationsAsync(Stop).GetAsyncEnumerator(Stop);
        var heard = cancellations.MoveNextAsync().AsTask();
        await Store.CancelAsync(leased.Job.Id, Stop);
        Assert.True(await heard.WaitAsync(TimeSpan.FromSeconds(5), Stop));
        Assert.Equal(leased.Job.Id, cancellations.Current);
    }

    [Fact]
    public async Task A_worker_of_another_process_hears_of_a_cancellation()
    {
        var leased = await SubmitAndLeaseAsync();
        var second = await place.OpenSecondAsync();
        await using var cancellations = second.Queue.CancellationsAsync(Stop).GetAsyncEnumerator(Stop);
        var heard = cancellations.MoveNextAsync().AsTask();
        await Store.CancelAsync(leased.Job.Id, Stop);
        Assert.True(await heard.WaitAsync(TimeSpan.FromSeconds(5), Stop));
        Assert.Equal(leased.Job.Id, cancellations.Current);
    }

    [Fact]
    public async Task Old_ended_jobs_are_removed_and_remembered_as_gone()
    {
        var old = (await SubmitAndLeaseAsync()).Lease;
        await Queue.CompleteAsync(old, Result(old), Stop);
        await place.AgeAsync(old.Id);
        var young = await SubmitAsync();
        await Store.CancelAsync(young, Stop);
        var waiting = await SubmitAsync();
        Assert.Equal([old.Id], await place.Retention.RemoveOldAsync(10, Stop));
        Assert.Empty(await place.Retention.RemoveOldAsync(10, Stop));
        Assert.Null(await Store.GetAsync(old.Id, Stop));
        Assert.True(await Store.WasRemovedAsync(old.Id, Stop));
        Assert.False(await Store.WasRemovedAsync(young, Stop));
        Assert.Empty(await LogAsync(old.Id));
        Assert.NotNull(await Store.GetAsync(young, Stop));
        Assert.NotNull(await Store.GetAsync(waiting, Stop));
        Assert.DoesNotContain(old.Id, await IdsAsync(new JobQuery()));
    }

    private async Task AssertRefusedAsync(Lease lease)
    {
        Assert.False(await Queue.PublishProgressAsync(lease, 3, 20, Stop));
        Assert.False(await Queue.PublishPreviewAsync(lease, APreview(3), Stop));
        Assert.False(await Queue.FailAsync(lease, Broken, retry: true, Stop));
        Assert.False(await Queue.FailAsync(lease, Broken, retry: false, Stop));
        Assert.False(await Queue.ReleaseAsync(lease, new byte[] { 1 }, Stop));
        Assert.False(await Queue.CompleteAsync(lease, Result(lease), Stop));
        Assert.Equal([lease], (await Queue.RenewAsync([lease], Long, Stop)).Select(l => l.Lease));
    }
}
