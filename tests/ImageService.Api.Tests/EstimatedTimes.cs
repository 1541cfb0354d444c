using System.Net;
using System.Text.Json;
using Google.Rpc;
using ImageService.Api.Tests.Grpc;
using ImageService.Core;
using ImageService.V1;

namespace ImageService.Api.Tests;

/// <summary>When a job will start and end, in every place where a caller is told of it.</summary>
public sealed class EstimatedTimes
{
    // Of a job as these tests submit it: 2 rows of 32 x 32 latents, 20 steps.
    private const long OneCost = 2 * 20 * 1024;

    // 8 rows in 0.4 s: a job every 2 s. It holds two rows more.
    internal static readonly WorkerPace Pace = new("w",
        [new ModelPace { Model = "starter", CallSeconds = 0.4, UnitSeconds = 0, RowUnits = 1024, CallRows = 8, HeldRows = 10, EndSeconds = 1 }]);

    // Ten jobs wait before it and five are held, as far as usual.
    internal static readonly QueueLoad Busy = new(10 * OneCost, 5 * OneCost, 3 * OneCost, 10);

    [Fact]
    public async Task A_waiting_job_tells_its_start_and_its_end()
    {
        await using var api = await StartAsync(Busy);
        var accepted = await api.PostAsync("""{"prompt":"a"}""");
        var looked = await api.GetAsync($"/v1/jobs/{accepted.Json.GetProperty("id").GetString()}");
        foreach (var answer in new[] { accepted, looked })
        {
            // A row is free after 21 s, the engine has room 2 s later, and 20 steps of 0.4 s and the end of 1 s follow.
            Assert.Equal(("2026-01-02T03:04:26+00:00", "2026-01-02T03:04:37+00:00"), Times(answer.Json));
            Assert.Equal(TimeSpan.FromSeconds(32), answer.Headers.RetryAfter!.Delta);
        }
    }

    [Fact]
    public async Task A_running_job_tells_its_end_from_the_steps_left()
    {
        await using var api = await StartAsync(Busy);
        var id = await api.SubmitAsync();
        api.Store.Progress(id, 5, 20);
        var answer = await api.GetAsync($"/v1/jobs/{id}");
        Assert.Equal((null, "2026-01-02T03:04:12+00:00"), Times(answer.Json));
        Assert.Equal(TimeSpan.FromSeconds(7), answer.Headers.RetryAfter!.Delta);
        api.Succeed(id, [1]);
        answer = await api.GetAsync($"/v1/jobs/{id}");
        Assert.Equal((null, null), Times(answer.Json));
        Assert.Null(answer.Headers.RetryAfter);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("another")]
    public async Task Nothing_is_told_where_no_worker_has_measured_the_model(string? measured)
    {
        await using var api = await StartAsync(Busy);
        api.Store.Paces.Clear();
        if (measured is not null)
            api.Store.Paces.Add(new WorkerPace("w", [Pace.Models[0] with { Model = measured }]));
        var answer = await api.PostAsync("""{"prompt":"a"}""");
        Assert.Equal((HttpStatusCode.Accepted, (null, null)), (answer.Status, Times(answer.Json)));
        Assert.Null(answer.Headers.RetryAfter);
    }

    [Fact]
    public async Task A_list_has_no_estimates()
    {
        await using var api = await StartAsync(Busy);
        await api.SubmitAsync();
        Assert.Equal((null, null), Times((await api.GetAsync("/v1/jobs")).Json.GetProperty("jobs")[0]));
    }

    [Fact]
    public async Task Progress_events_carry_them()
    {
        await using var api = await StartAsync(Busy);
        var id = await api.SubmitAsync();
        await using var events = await EventReader.OpenAsync(api, $"/v1/jobs/{id}/events");
        Assert.Equal(("2026-01-02T03:04:26+00:00", "2026-01-02T03:04:37+00:00"), Times((await events.NextAsync()).Data));
        api.Store.Progress(id, 10, 20);
        Assert.Equal((null, "2026-01-02T03:04:10+00:00"), Times((await events.NextAsync()).Data));
    }

    [Theory]
    [InlineData(10, 20)] // ten jobs of 2 s, told by the store to be one
    [InlineData(10_000, 600)]
    [InlineData(0.01, 1)]
    public async Task A_full_queue_says_when_a_place_will_be_free(double jobs, int seconds)
    {
        await using var api = await StartAsync(Busy with { Ahead = (long)(jobs * OneCost) });
        api.Store.Capacity = 1;
        await api.SubmitAsync();
        var answer = await api.PostAsync("""{"prompt":"a"}""");
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "queue-full"), (answer.Status, answer.Problem));
        Assert.Equal(TimeSpan.FromSeconds(seconds), answer.Headers.RetryAfter!.Delta);
    }

    [Fact]
    public async Task A_client_at_its_limit_is_told_when_its_oldest_job_will_start()
    {
        await using var api = await StartAsync(Busy, ("Limits:MaxWaitingPerClient", "2"));
        await api.SubmitAsync();
        api.Clock.Advance(TimeSpan.FromMilliseconds(1)); // ids of one moment are in no order
        api.Store.Load = Busy with { Ahead = 100 * OneCost };
        await api.SubmitAsync();
        var answer = await api.PostAsync("""{"prompt":"a"}""");
        Assert.Equal((HttpStatusCode.TooManyRequests, "too-many-jobs"), (answer.Status, answer.Problem));
        Assert.Equal(TimeSpan.FromSeconds(21), answer.Headers.RetryAfter!.Delta);
    }

    [Fact]
    public async Task Paces_are_asked_for_once_in_a_while()
    {
        await using var api = await StartAsync(Busy);
        for (var i = 0; i < 5; i++)
            await api.SubmitAsync();
        Assert.Equal(1, api.Store.PaceLists);
        api.Clock.Advance(TimeSpan.FromSeconds(3));
        await api.SubmitAsync();
        Assert.Equal(2, api.Store.PaceLists);
    }

    [Fact]
    public async Task A_job_is_told_without_them_when_the_store_does_not_list_paces()
    {
        await using var api = await StartAsync(Busy);
        api.Store.PacesDown = true;
        var id = await api.SubmitAsync();
        Assert.Equal((null, null), Times((await api.GetAsync($"/v1/jobs/{id}")).Json));
        api.Store.PacesDown = false;
        Assert.NotEqual((null, null), Times((await api.GetAsync($"/v1/jobs/{id}")).Json));
    }

    [Fact]
    public async Task Grpc_tells_the_same()
    {
        await using var api = await StartAsync(Busy);
        using var channel = api.Channel();
        var client = new Images.ImagesClient(channel);
        var now = api.Clock.GetUtcNow();
        var job = await client.SubmitAsync(new SubmitRequest { Prompt = "a" });
        Assert.Equal((now.AddSeconds(21), now.AddSeconds(32)), (job.EstimatedStartAt.ToDateTimeOffset(), job.EstimatedFinishAt.ToDateTimeOffset()));
        api.Store.Progress(JobId.Parse(job.Id), 5, 20);
        job = await client.GetAsync(new GetRequest { Id = job.Id });
        Assert.Equal((null, now.AddSeconds(7)), (job.EstimatedStartAt, job.EstimatedFinishAt.ToDateTimeOffset()));
        using var watch = client.Watch(new WatchRequest { Id = job.Id, AfterSequence = 1 });
        Assert.True(await watch.ResponseStream.MoveNext(default));
        var progress = watch.ResponseStream.Current.Progress;
        Assert.Equal((null, now.AddSeconds(7)), (progress.EstimatedStartAt, progress.EstimatedFinishAt.ToDateTimeOffset()));

        api.Store.Capacity = 0;
        var (_, status) = await GrpcCalls.FailureAsync(() => client.SubmitAsync(new SubmitRequest { Prompt = "a" }).ResponseAsync);
        Assert.Equal(20, status.GetDetail<RetryInfo>()!.RetryDelay.Seconds);
    }

    private static async Task<TestApi> StartAsync(QueueLoad load, params (string Key, string Value)[] settings)
    {
        var api = await TestApi.StartAsync(settings);
        api.Store.Paces.Add(Pace);
        api.Store.Load = load;
        return api;
    }

    private static (string? Start, string? Finish) Times(JsonElement job) =>
        (job.GetProperty("estimated_start_at").GetString(), job.GetProperty("estimated_finish_at").GetString());
}
