using ImageService.Core;

namespace ImageService.Storage.Tests.Contracts;

public abstract partial class JobStoreContract
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(5);

    [Fact]
    public async Task The_log_of_a_job_tells_its_life_without_holes()
    {
        var leased = await SubmitAndLeaseAsync();
        await Queue.PublishProgressAsync(leased.Lease, 1, 20, Stop);
        await Queue.PublishPreviewAsync(leased.Lease, APreview(1), Stop);
        await Queue.PublishProgressAsync(leased.Lease, 2, 20, Stop);
        await Queue.CompleteAsync(leased.Lease, Result(leased.Lease), Stop);

        var log = await LogAsync(leased.Job.Id);
        Assert.Equal(Enumerable.Range(1, 6).Select(i => (long)i), log.Select(e => e.Sequence));
        Assert.Equal(JobStatus.Queued, Assert.IsType<JobProgress>(log[0]).Status);
        Assert.Equal(JobStatus.Running, Assert.IsType<JobProgress>(log[1]).Status);
        Assert.Equal((1, 20), (((JobProgress)log[2]).Step, ((JobProgress)log[2]).Steps));
        var preview = Assert.IsType<JobPreview>(log[3]);
        Assert.Equal(APreview(1).Content.ToArray(), preview.Content.ToArray());
        Assert.Equal((0, 1, 20, "image/png", 64, 48), (preview.Index, preview.Step, preview.Steps, preview.ContentType, preview.Width, preview.Height));
        Assert.Equal(2, Assert.IsType<JobProgress>(log[4]).Step);
        var end = Assert.IsType<JobFinished>(log[5]).Job;
        Assert.Equal(JobStatus.Succeeded, end.Status);
        Assert.Equal(Result(leased.Lease).Images, end.Images);
        Assert.All(log, e => Assert.InRange(e.At, place.Now.AddMinutes(-5), place.Now.AddMinutes(1)));
    }

    [Theory]
    [InlineData(0, 4)]
    [InlineData(1, 3)]
    [InlineData(3, 1)]
    [InlineData(4, 0)]
    [InlineData(99, 0)]
    public async Task A_reader_that_comes_back_gets_what_followed(long lastSeen, int expected)
    {
        var lease = (await SubmitAndLeaseAsync()).Lease;
        await Queue.PublishProgressAsync(lease, 1, 20, Stop);
        await Queue.CompleteAsync(lease, Result(lease), Stop);
        var log = await LogAsync(lease.Id, lastSeen);
        Assert.Equal(expected, log.Count);
        Assert.Equal(Enumerable.Range(5 - expected, expected).Select(i => (long)i), log.Select(e => e.Sequence));
    }

    [Fact]
    public async Task Watching_an_unknown_job_ends_at_once() => Assert.Empty(await LogAsync(JobId.New(TimeProvider.System)));

    [Fact]
    public async Task A_watcher_sees_events_as_they_happen()
    {
        var id = await SubmitAsync();
        await using var watch = Store.WatchAsync(id, 0, Stop).GetAsyncEnumerator(Stop);
        Assert.Equal(JobStatus.Queued, ((JobProgress)await NextAsync(watch)).Status);
        var leased = await LeaseOneAsync();
        Assert.Equal(JobStatus.Running, ((JobProgress)await NextAsync(watch)).Status);
        for (var step = 1; step <= 20; step++)
        {
            await Queue.PublishProgressAsync(leased.Lease, step, 20, Stop);
            Assert.Equal(step, ((JobProgress)await NextAsync(watch)).Step);
        }
        await Queue.CompleteAsync(leased.Lease, Result(leased.Lease), Stop);
        Assert.IsType<JobFinished>(await NextAsync(watch));
        Assert.False(await watch.MoveNextAsync());
    }

    [Fact]
    public async Task Two_watchers_see_the_same()
    {
        var id = await SubmitAsync();
        var watchers = new[] { LogAsync(id), LogAsync(id) };
        var leased = await LeaseOneAsync();
        for (var step = 1; step <= 10; step++)
            await Queue.PublishProgressAsync(leased.Lease, step, 10, Stop);
        await Queue.CompleteAsync(leased.Lease, Result(leased.Lease), Stop);
        var logs = await Task.WhenAll(watchers).WaitAsync(Soon, Stop);
        Assert.Equal(13, logs[0].Count);
        Assert.Equal(logs[0].Select(e => e.Sequence), logs[1].Select(e => e.Sequence));
    }

    [Fact]
    public async Task A_watcher_of_another_process_sees_the_end()
    {
        var id = await SubmitAsync();
        var second = await place.OpenSecondAsync();
        await using var watch = second.Store.WatchAsync(id, 1, Stop).GetAsyncEnumerator(Stop);
        var next = watch.MoveNextAsync().AsTask();
        await Store.CancelAsync(id, Stop);
        Assert.True(await next.WaitAsync(Soon, Stop));
        Assert.Equal(JobStatus.Canceled, Assert.IsType<JobFinished>(watch.Current).Job.Status);
    }

    [Theory]
    [InlineData("complete")]
    [InlineData("fail")]
    [InlineData("cancel")]
    [InlineData("cancel queued")]
    public async Task The_final_event_is_the_last_and_comes_once(string ending)
    {
        var id = await SubmitAsync();
        var lease = ending == "cancel queued" ? default : (await LeaseOneAsync()).Lease;
        switch (ending)
        {
            case "complete":
                await Queue.CompleteAsync(lease, Result(lease), Stop);
                break;
            case "fail":
                await Queue.FailAsync(lease, Broken, retry: false, Stop);
                break;
            default:
                await Store.CancelAsync(id, Stop);
                break;
        }
        if (lease != default)
            await AssertRefusedAsync(lease);
        await Store.CancelAsync(id, Stop);
        var log = await LogAsync(id);
        Assert.Single(log, e => e is JobFinished);
        Assert.IsType<JobFinished>(log[^1]);
        Assert.True(((JobFinished)log[^1]).Job.IsFinal);
    }

    [Fact]
    public async Task Going_back_to_the_queue_is_in_the_log()
    {
        var lease = (await SubmitAndLeaseAsync()).Lease;
        await Queue.ReleaseAsync(lease, default, Stop);
        await Store.CancelAsync(lease.Id, Stop);
        Assert.Equal([JobStatus.Queued, JobStatus.Running, JobStatus.Queued],
            (await LogAsync(lease.Id)).OfType<JobProgress>().Select(p => p.Status));
    }

    [Fact]
    public async Task A_waiting_job_tells_its_position_to_a_watcher()
    {
        await SubmitAsync();
        var id = await SubmitAsync();
        await using var watch = Store.WatchAsync(id, 0, Stop).GetAsyncEnumerator(Stop);
        Assert.Equal(1, ((JobProgress)await NextAsync(watch)).QueuePosition);
    }

    [Fact]
    public async Task A_long_job_keeps_its_last_steps_its_last_previews_and_its_end()
    {
        var lease = (await SubmitAndLeaseAsync()).Lease;
        for (var step = 1; step <= 400; step++)
        {
            await Queue.PublishProgressAsync(lease, step, 400, Stop);
            if (step % 40 == 0)
                await Queue.PublishPreviewAsync(lease, APreview(step), Stop);
        }
        await Queue.CompleteAsync(lease, Result(lease), Stop);
        var log = await LogAsync(lease.Id);
        Assert.InRange(log.Count, 50, 300);
        Assert.InRange(log.OfType<JobPreview>().Count(), 1, 4);
        Assert.Equal(400, log.OfType<JobPreview>().Last().Step);
        Assert.Equal(400, log.OfType<JobProgress>().Last().Step);
        Assert.IsType<JobFinished>(log[^1]);
        Assert.Equal(413, log[^1].Sequence);
        Assert.Equal(log.Select(e => e.Sequence).Order(), log.Select(e => e.Sequence));
    }

    [Fact]
    public async Task A_watch_ends_when_its_reader_gives_up()
    {
        var id = await SubmitAsync();
        using var gaveUp = new CancellationTokenSource();
        await using var watch = Store.WatchAsync(id, 1, gaveUp.Token).GetAsyncEnumerator(gaveUp.Token);
        var next = watch.MoveNextAsync().AsTask();
        await gaveUp.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => next.WaitAsync(Soon, Stop));
    }

    private static Preview APreview(int step) =>
        new(0, step, 20, new byte[] { 0x89, (byte)'P', (byte)'N', (byte)'G', 0, (byte)step, 255 }, "image/png", 64, 48);

    private static async Task<JobEvent> NextAsync(IAsyncEnumerator<JobEvent> watch)
    {
        Assert.True(await watch.MoveNextAsync().AsTask().WaitAsync(Soon, Stop));
        return watch.Current;
    }
}
