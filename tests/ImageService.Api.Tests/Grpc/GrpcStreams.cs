using Grpc.Core;
using Grpc.Net.Client;
using ImageService.Core;
using ImageService.V1;
using JobEvent = ImageService.V1.JobEvent;
using JobStatus = ImageService.V1.JobStatus;

namespace ImageService.Api.Tests.Grpc;

/// <summary>Watching and generating: order, cancellation, slow readers, shutdown.</summary>
public sealed class GrpcStreams
{
    private static readonly SubmitRequest Apple = new() { Prompt = "a red apple" };
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task A_watcher_hears_progress_previews_and_the_end_and_can_come_back()
    {
        await using var api = await TestApi.StartAsync();
        using var channel = api.Channel();
        var client = new Images.ImagesClient(channel);
        var id = await api.SubmitAsync();
        api.Store.Progress(id, 1, 20);
        api.Store.Preview(id, 0, 1, 20, [1, 2, 3]);
        using var watch = client.Watch(new WatchRequest { Id = id.Value });
        var events = await ReadAsync(watch, 3);
        Assert.Equal([JobEvent.EventOneofCase.Progress, JobEvent.EventOneofCase.Progress, JobEvent.EventOneofCase.Preview], events.Select(e => e.EventCase));
        Assert.Equal([1, 2, 3], events[2].Preview.Content.ToByteArray());
        api.Succeed(id, [9]);
        Assert.Equal(JobStatus.Succeeded, Assert.Single(await ReadAsync(watch, 9)).Done.Status);

        using var again = client.Watch(new WatchRequest { Id = id.Value, AfterSequence = 2 });
        Assert.Equal([3L, 4L], (await ReadAsync(again, 9)).Select(e => e.Sequence));
        using var nothing = client.Watch(new WatchRequest { Id = id.Value, AfterSequence = 4 });
        Assert.Empty(await ReadAsync(nothing, 9));
        using var wrong = client.Watch(new WatchRequest { Id = id.Value, AfterSequence = -1 });
        var (failure, _) = await GrpcCalls.FailureAsync(() => wrong.ResponseStream.MoveNext(default));
        Assert.Equal(StatusCode.InvalidArgument, failure.StatusCode);
    }

    [Fact]
    public async Task Canceling_a_watch_leaves_the_job_alone()
    {
        await using var api = await TestApi.StartAsync();
        using var channel = api.Channel();
        var id = await api.SubmitAsync();
        using (var watch = new Images.ImagesClient(channel).Watch(new WatchRequest { Id = id.Value }))
            await ReadAsync(watch, 1);
        api.Store.Progress(id, 1, 20);
        Assert.Equal(Core.JobStatus.Running, (await api.Store.GetAsync(id, default))!.Status);
    }

    [Fact]
    public async Task Canceling_a_generate_cancels_the_job()
    {
        await using var api = await TestApi.StartAsync();
        using var channel = api.Channel();
        JobId id;
        using (var call = new Images.ImagesClient(channel).Generate(Apple))
            id = JobId.Parse((await ReadAsync(call, 1))[0].JobId);
        Assert.Equal(Core.JobStatus.Canceled, await EndOf(api, id));
    }

    [Fact]
    public async Task A_deadline_of_a_generate_cancels_the_job()
    {
        // Over a real connection: in memory, a server that ends the call a moment before its client looks like one that broke off.
        await using var api = await TestApi.StartOnKestrelAsync(TestApi.Http2);
        using var channel = GrpcChannel.ForAddress(api.Client.BaseAddress!);
        using var call = new Images.ImagesClient(channel).Generate(Apple, deadline: TimeProvider.System.GetUtcNow().UtcDateTime.AddSeconds(1.5));
        var id = JobId.Parse((await ReadAsync(call, 1))[0].JobId);
        var failure = await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext(default));
        Assert.Equal(StatusCode.DeadlineExceeded, failure.StatusCode);
        Assert.Equal(Core.JobStatus.Canceled, await EndOf(api, id));
    }

    [Fact]
    public async Task Over_real_HTTP_2_a_reader_that_does_not_read_holds_nobody_up_and_still_gets_the_end()
    {
        await using var api = await TestApi.StartOnKestrelAsync(TestApi.Http2);
        using var channel = GrpcChannel.ForAddress(api.Client.BaseAddress!);
        var client = new Images.ImagesClient(channel);
        var id = JobId.Parse((await client.SubmitAsync(Apple)).Id);
        using var slow = client.Watch(new WatchRequest { Id = id.Value });
        await ReadAsync(slow, 1);
        using var quick = client.Watch(new WatchRequest { Id = id.Value });
        var quickEnd = LastAsync(quick);
        var picture = new byte[400_000];
        for (var step = 1; step <= 40; step++)
            api.Store.Preview(id, 0, step, 40, picture); // 16 MB: far more than windows and buffers hold
        api.Succeed(id, [9]);
        Assert.Equal(JobStatus.Succeeded, (await quickEnd.WaitAsync(Limit)).Done.Status);
        Assert.Equal(JobStatus.Succeeded, (await LastAsync(slow).WaitAsync(Limit)).Done.Status);
    }

    [Fact]
    public async Task Shutdown_ends_streams_as_unavailable_after_the_drain_and_leaves_the_job_alone()
    {
        await using var api = await TestApi.StartAsync(("Api:DrainSeconds", "30"));
        using var channel = api.Channel();
        var client = new Images.ImagesClient(channel);
        using var call = client.Generate(Apple);
        var id = JobId.Parse((await ReadAsync(call, 1))[0].JobId);

        var stopping = api.StopAsync();
        Assert.Equal(System.Net.HttpStatusCode.ServiceUnavailable, (await api.GetAsync("/healthz/ready")).Status);
        Assert.Equal(System.Net.HttpStatusCode.OK, (await api.GetAsync("/healthz/live")).Status);
        api.Store.Progress(id, 1, 20); // served on
        Assert.Equal(1, (await ReadAsync(call, 1))[0].Progress.Step);
        Assert.Equal(id.Value, (await client.GetAsync(new GetRequest { Id = id.Value })).Id);

        var end = GrpcCalls.FailureAsync(() => call.ResponseStream.MoveNext(default));
        await api.TurnClockUntilAsync(end, TimeSpan.FromSeconds(5));
        Assert.Equal(StatusCode.Unavailable, (await end).Failure.StatusCode);
        await stopping.WaitAsync(Limit);
        Assert.Equal(Core.JobStatus.Running, (await api.Store.GetAsync(id, default))!.Status);
    }

    private static async Task<List<JobEvent>> ReadAsync(AsyncServerStreamingCall<JobEvent> call, int most)
    {
        var events = new List<JobEvent>();
        using var limit = new CancellationTokenSource(Limit);
        while (events.Count < most && await call.ResponseStream.MoveNext(limit.Token))
            events.Add(call.ResponseStream.Current);
        return events;
    }

    private static async Task<JobEvent> LastAsync(AsyncServerStreamingCall<JobEvent> call) => (await ReadAsync(call, int.MaxValue))[^1];

    private static async Task<Core.JobStatus> EndOf(TestApi api, JobId id)
    {
        using var limit = new CancellationTokenSource(Limit);
        await foreach (var happened in api.Store.WatchAsync(id, 0, limit.Token))
        {
            if (happened is JobFinished finished)
                return finished.Job.Status;
        }
        throw new InvalidOperationException("The job did not end.");
    }
}
