using ImageService.Core;

namespace ImageService.Storage.Tests.Contracts;

public abstract partial class JobStoreContract
{
    [Fact]
    public async Task Who_waits_for_the_end_of_a_job_gets_it_however_it_ends_and_not_before()
    {
        var (done, failed, again) = (await SubmitAndLeaseAsync(), await SubmitAndLeaseAsync(), await SubmitAndLeaseAsync());
        var canceled = await SubmitAsync();
        var waits = new[] { done.Job.Id, failed.Job.Id, canceled }.Select(id => Store.WaitForEndAsync(id, Stop)).ToList();
        var endless = Store.WaitForEndAsync(again.Job.Id, Stop);

        await Queue.PublishProgressAsync(done.Lease, 20, 20, Stop);
        Assert.All(waits, w => Assert.False(w.IsCompleted));
        await Queue.CompleteAsync(done.Lease, Result(done.Lease), Stop);
        await Queue.FailAsync(failed.Lease, Broken, retry: false, Stop);
        await Queue.FailAsync(again.Lease, Broken, retry: true, Stop);
        await Store.CancelAsync(canceled, Stop);

        var ended = await Task.WhenAll(waits);
        Assert.Equal([JobStatus.Succeeded, JobStatus.Failed, JobStatus.Canceled], ended.Select(j => j!.Status));
        Assert.Equal(Broken, ended[1]!.Error);
        Assert.Single(ended[0]!.Images);
        Assert.False(endless.IsCompleted);
    }

    [Fact]
    public async Task Nobody_waits_for_a_job_that_has_ended_or_is_not_there()
    {
        var leased = await SubmitAndLeaseAsync();
        await Queue.CompleteAsync(leased.Lease, Result(leased.Lease), Stop);
        Assert.Equal(JobStatus.Succeeded, (await Store.WaitForEndAsync(leased.Job.Id, Stop))!.Status);
        Assert.Null(await Store.WaitForEndAsync(JobId.New(TimeProvider.System), Stop));
    }
}
