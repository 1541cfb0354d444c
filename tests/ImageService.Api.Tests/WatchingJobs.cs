using System.Net;

namespace ImageService.Api.Tests;

/// <summary>The event stream.</summary>
public sealed class WatchingJobs
{
    [Fact]
    public async Task Events_come_in_order_and_end_with_the_job()
    {
        await using var api = await TestApi.StartAsync();
        var id = await api.SubmitAsync("""{"prompt":"a","preview_every":1}""");
        await using var events = await EventReader.OpenAsync(api, $"/v1/jobs/{id}/events");
        Assert.Equal("text/event-stream", events.ContentType);

        var queued = await events.NextAsync();
        Assert.Equal((1, "progress", "queued"), (queued.Id, queued.Name, queued.Data.GetProperty("status").GetString()));
        api.Store.Progress(id, 1, 20);
        var step = await events.NextAsync();
        Assert.Equal((2, "progress", 1, 20), (step.Id, step.Name, step.Data.GetProperty("step").GetInt32(), step.Data.GetProperty("steps").GetInt32()));
        api.Store.Preview(id, 0, 1, 20, [1, 2, 3], 32, 16);
        var preview = await events.NextAsync();
        Assert.Equal("preview", preview.Name);
        Assert.Equal([1, 2, 3], preview.Data.GetProperty("image").GetBytesFromBase64());
        Assert.Equal(("image/png", 32, 16, 0), (preview.Data.GetProperty("content_type").GetString(), preview.Data.GetProperty("width").GetInt32(),
            preview.Data.GetProperty("height").GetInt32(), preview.Data.GetProperty("index").GetInt32()));
        api.Succeed(id, [9]);
        var done = await events.NextAsync();
        Assert.Equal((4, "succeeded", id.Value), (done.Id, done.Name, done.Data.GetProperty("id").GetString()));
        Assert.Equal($"/v1/jobs/{id}/images/0", done.Data.GetProperty("images")[0].GetProperty("url").GetString());
        Assert.True(await events.EndedAsync());
    }

    [Fact]
    public async Task The_final_event_says_how_it_ended()
    {
        await using var api = await TestApi.StartAsync();
        var failing = await api.SubmitAsync();
        api.Store.Fail(failing, "numeric", "No numbers.");
        await using (var events = await EventReader.OpenAsync(api, $"/v1/jobs/{failing}/events"))
        {
            await events.NextAsync();
            Assert.Equal("failed", (await events.NextAsync()).Name);
        }
        var canceled = await api.SubmitAsync();
        await api.DeleteAsync($"/v1/jobs/{canceled}");
        await using (var events = await EventReader.OpenAsync(api, $"/v1/jobs/{canceled}/events"))
        {
            await events.NextAsync();
            Assert.Equal("canceled", (await events.NextAsync()).Name);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_reader_that_comes_back_goes_on_where_it_was(bool byHeader)
    {
        await using var api = await TestApi.StartAsync();
        var id = await api.SubmitAsync();
        for (var step = 1; step <= 5; step++)
            api.Store.Progress(id, step, 5);
        api.Succeed(id, [9]);

        await using var events = byHeader
            ? await EventReader.OpenAsync(api, $"/v1/jobs/{id}/events", "4")
            : await EventReader.OpenAsync(api, $"/v1/jobs/{id}/events?last_event_id=4");

        foreach (var expected in (long[])[5, 6, 7])
            Assert.Equal(expected, (await events.NextAsync()).Id);
        Assert.True(await events.EndedAsync());
    }

    [Fact]
    public async Task A_reader_that_has_everything_is_told_to_stop()
    {
        await using var api = await TestApi.StartAsync();
        var id = await api.SubmitAsync();
        api.Succeed(id, [9]);
        Assert.Equal(HttpStatusCode.NoContent, (await api.GetAsync($"/v1/jobs/{id}/events?last_event_id=2")).Status);
    }

    [Fact]
    public async Task A_number_that_is_none_is_named()
    {
        await using var api = await TestApi.StartAsync();
        var id = await api.SubmitAsync();
        Assert.Equal(["last_event_id"], (await api.GetAsync($"/v1/jobs/{id}/events?last_event_id=x")).Fields);
    }

    [Fact]
    public async Task A_silent_stream_is_kept_alive()
    {
        await using var api = await TestApi.StartAsync();
        var id = await api.SubmitAsync();
        await using var events = await EventReader.OpenAsync(api, $"/v1/jobs/{id}/events");
        await events.NextAsync();

        var comment = events.CommentAsync();
        await api.TurnClockUntilAsync(comment, TimeSpan.FromSeconds(5));

        Assert.Equal(": keep-alive", await comment);
        api.Store.Progress(id, 1, 20);
        Assert.Equal(2, (await events.NextAsync()).Id);
    }

    [Fact]
    public async Task A_stop_of_the_service_ends_the_stream_cleanly()
    {
        await using var api = await TestApi.StartAsync();
        var id = await api.SubmitAsync();
        await using var events = await EventReader.OpenAsync(api, $"/v1/jobs/{id}/events");
        await events.NextAsync();
        var stopping = api.StopAsync();
        Assert.True(await events.EndedAsync());
        await stopping;
    }

    [Fact]
    public async Task A_store_that_fails_ends_the_stream_so_that_the_reader_comes_back()
    {
        await using var api = await TestApi.StartAsync();
        var id = await api.SubmitAsync();
        await using var events = await EventReader.OpenAsync(api, $"/v1/jobs/{id}/events");
        await events.NextAsync();
        api.Store.Down = true;
        api.Store.Progress(id, 1, 20);
        Assert.True(await events.EndedAsync());
    }

    [Fact]
    public async Task A_reader_that_never_reads_holds_nothing_up()
    {
        await using var api = await TestApi.StartAsync();
        var id = await api.SubmitAsync();
        await using var slow = await EventReader.OpenAsync(api, $"/v1/jobs/{id}/events");
        await using var quick = await EventReader.OpenAsync(api, $"/v1/jobs/{id}/events");
        var large = new byte[300_000];
        for (var step = 1; step <= 30; step++)
            api.Store.Preview(id, 0, step, 30, large);
        api.Succeed(id, [9]);

        for (var step = 0; step <= 30; step++)
            await quick.NextAsync();
        Assert.Equal("succeeded", (await quick.NextAsync()).Name);
        Assert.Equal("succeeded", (await api.GetAsync($"/v1/jobs/{id}")).Json.GetProperty("status").GetString());
    }
}
