using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;

namespace ImageService.Api.Tests;

public sealed class LookingAtJobs
{
    private static readonly byte[] Picture = [.. Enumerable.Range(0, 1000).Select(i => (byte)i)];

    [Fact]
    public async Task A_job_tells_its_state_from_the_queue_to_the_pictures()
    {
        await using var api = await TestApi.StartAsync();
        await api.SubmitAsync();
        var id = await api.SubmitAsync("""{"prompt":"a","num_images":2,"seed":41}""");

        var queued = (await api.GetAsync($"/v1/jobs/{id}")).Json;
        Assert.Equal(("queued", 1), (queued.GetProperty("status").GetString(), queued.GetProperty("queue_position").GetInt32()));

        api.Store.Progress(id, 3, 20);
        var running = (await api.GetAsync($"/v1/jobs/{id}")).Json;
        Assert.Equal(("running", 3, 20), (running.GetProperty("status").GetString(), running.GetProperty("step").GetInt32(), running.GetProperty("steps").GetInt32()));
        Assert.Equal(JsonValueKind.Null, running.GetProperty("queue_position").ValueKind);

        api.Succeed(id, Picture, Picture);
        var done = (await api.GetAsync($"/v1/jobs/{id}")).Json;
        Assert.Equal("succeeded", done.GetProperty("status").GetString());
        Assert.Equal((0.15, 1.5), (done.GetProperty("timings").GetProperty("admission").GetDouble(), done.GetProperty("timings").GetProperty("denoise").GetDouble()));
        Assert.Equal("2026-01-02T03:04:05+00:00", done.GetProperty("finished_at").GetString());
        var second = done.GetProperty("images")[1];
        Assert.Equal((1, 42, $"/v1/jobs/{id}/images/1", 1000), (second.GetProperty("index").GetInt32(), second.GetProperty("seed").GetInt64(),
            second.GetProperty("url").GetString(), second.GetProperty("bytes").GetInt64()));
    }

    [Fact]
    public async Task A_failed_job_says_why()
    {
        await using var api = await TestApi.StartAsync();
        var id = await api.SubmitAsync();
        api.Store.Fail(id, "numeric", "The U-Net returned values that are not numbers.");
        var job = (await api.GetAsync($"/v1/jobs/{id}")).Json;
        Assert.Equal("failed", job.GetProperty("status").GetString());
        Assert.Equal("numeric", job.GetProperty("error").GetProperty("code").GetString());
        Assert.Equal("image-not-found", (await api.GetAsync($"/v1/jobs/{id}/images/0")).Problem);
    }

    [Fact]
    public async Task Canceling_ends_a_job_once_and_leaves_an_ended_one_as_it_is()
    {
        await using var api = await TestApi.StartAsync();
        var id = await api.SubmitAsync();
        var canceled = await api.DeleteAsync($"/v1/jobs/{id}");
        Assert.Equal((HttpStatusCode.OK, "canceled"), (canceled.Status, canceled.Json.GetProperty("status").GetString()));
        Assert.Equal("canceled", (await api.DeleteAsync($"/v1/jobs/{id}")).Json.GetProperty("status").GetString());
        var done = await api.SubmitAsync();
        api.Succeed(done, Picture);
        Assert.Equal("succeeded", (await api.DeleteAsync($"/v1/jobs/{done}")).Json.GetProperty("status").GetString());
    }

    [Fact]
    public async Task Jobs_are_listed_in_pages_newest_first()
    {
        await using var api = await TestApi.StartAsync();
        var ids = new List<string>();
        for (var i = 0; i < 5; i++)
        {
            ids.Insert(0, (await api.SubmitAsync()).Value);
            api.Clock.Advance(TimeSpan.FromMilliseconds(5));
        }
        var seen = new List<string>();
        for (string? before = null, path = "/v1/jobs?limit=2"; path is not null; path = before is null ? null : $"/v1/jobs?limit=2&before={before}")
        {
            var page = (await api.GetAsync(path)).Json;
            seen.AddRange(page.GetProperty("jobs").EnumerateArray().Select(j => j.GetProperty("id").GetString()!));
            before = page.GetProperty("next").GetString();
        }
        Assert.Equal(ids, seen);
    }

    [Fact]
    public async Task Jobs_are_listed_by_state()
    {
        await using var api = await TestApi.StartAsync();
        await api.SubmitAsync();
        var running = await api.SubmitAsync();
        api.Store.Progress(running, 1, 20);
        var listed = (await api.GetAsync("/v1/jobs?status=running")).Json.GetProperty("jobs");
        Assert.Equal(running.Value, Assert.Single(listed.EnumerateArray()).GetProperty("id").GetString());
    }

    [Fact]
    public async Task A_picture_is_served_whole_with_its_digest_and_for_ever()
    {
        await using var api = await TestApi.StartAsync();
        var id = await api.SubmitAsync();
        api.Succeed(id, Picture);
        var sha = (await api.GetAsync($"/v1/jobs/{id}")).Json.GetProperty("images")[0].GetProperty("sha256").GetString();

        using var response = await api.Client.GetAsync($"/v1/jobs/{id}/images/0");

        Assert.Equal(Picture, await response.Content.ReadAsByteArrayAsync());
        Assert.Equal("image/png", response.Content.Headers.ContentType!.ToString());
        Assert.Equal($"\"{sha}\"", response.Headers.ETag!.Tag);
        Assert.Contains("immutable", response.Headers.CacheControl!.ToString(), StringComparison.Ordinal);
        Assert.Equal("nosniff", Assert.Single(response.Headers.GetValues("X-Content-Type-Options")));
    }

    [Fact]
    public async Task A_picture_may_be_fetched_from_the_store_itself()
    {
        await using var api = await TestApi.StartAsync();
        api.Blobs.SignedUrls = new Uri("https://pictures.example.org/?signed=");
        var id = await api.SubmitAsync();
        api.Succeed(id, Picture);
        var response = await api.Client.GetAsync($"/v1/jobs/{id}/images/0");
        Assert.Equal(HttpStatusCode.TemporaryRedirect, response.StatusCode);
        Assert.Equal($"https://pictures.example.org/jobs/{id}/1/0.png", response.Headers.Location!.AbsoluteUri);
        Assert.True(response.Headers.CacheControl!.NoStore);

        using var head = new HttpRequestMessage(HttpMethod.Head, $"/v1/jobs/{id}/images/0");
        Assert.Equal(HttpStatusCode.OK, (await api.Client.SendAsync(head)).StatusCode);

        using var page = new HttpRequestMessage(HttpMethod.Get, $"/v1/jobs/{id}/images/0");
        page.Headers.Add("Sec-Fetch-Site", "same-origin");
        Assert.Equal(HttpStatusCode.OK, (await api.Client.SendAsync(page)).StatusCode);
    }

    [Fact]
    public async Task A_picture_known_already_is_not_sent_again()
    {
        await using var api = await TestApi.StartAsync();
        var id = await api.SubmitAsync();
        api.Succeed(id, Picture);
        var tag = (await api.Client.GetAsync($"/v1/jobs/{id}/images/0")).Headers.ETag!;
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/v1/jobs/{id}/images/0");
        request.Headers.IfNoneMatch.Add(tag);
        Assert.Equal(HttpStatusCode.NotModified, (await api.Client.SendAsync(request)).StatusCode);
    }

    [Fact]
    public async Task A_part_of_a_picture_can_be_fetched()
    {
        await using var api = await TestApi.StartAsync();
        var id = await api.SubmitAsync();
        api.Succeed(id, Picture);
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/v1/jobs/{id}/images/0");
        request.Headers.Range = new RangeHeaderValue(100, 199);
        using var response = await api.Client.SendAsync(request);
        Assert.Equal(HttpStatusCode.PartialContent, response.StatusCode);
        Assert.Equal(Picture[100..200], await response.Content.ReadAsByteArrayAsync());

        using var beyond = new HttpRequestMessage(HttpMethod.Get, $"/v1/jobs/{id}/images/0");
        beyond.Headers.Range = new RangeHeaderValue(5000, null);
        Assert.Equal(HttpStatusCode.RequestedRangeNotSatisfiable, (await api.Client.SendAsync(beyond)).StatusCode);
    }

    [Fact]
    public async Task A_picture_that_is_not_there_says_which_way()
    {
        await using var api = await TestApi.StartAsync();
        var id = await api.SubmitAsync();
        Assert.Equal("image-not-ready", (await api.GetAsync($"/v1/jobs/{id}/images/0")).Problem);
        api.Succeed(id, Picture);
        foreach (var index in (string[])["1", "-1", "x", "99999999999999999999", "0.5"])
            Assert.Equal("image-not-found", (await api.GetAsync($"/v1/jobs/{id}/images/{index}")).Problem);
        api.Blobs.Blobs.Clear();
        Assert.Equal("image-not-found", (await api.GetAsync($"/v1/jobs/{id}/images/0")).Problem);
        api.Blobs.Down = true;
        var down = await api.GetAsync($"/v1/jobs/{id}/images/0");
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "blobs-unavailable"), (down.Status, down.Problem));
    }

    [Fact]
    public async Task Reads_of_a_store_that_is_down_answer_503()
    {
        await using var api = await TestApi.StartAsync();
        var id = await api.SubmitAsync();
        api.Store.Down = true;
        foreach (var path in (string[])["/v1/jobs", $"/v1/jobs/{id}", $"/v1/jobs/{id}/events", $"/v1/jobs/{id}/images/0"])
            Assert.Equal("store-unavailable", (await api.GetAsync(path)).Problem);
        Assert.Equal("store-unavailable", (await api.DeleteAsync($"/v1/jobs/{id}")).Problem);
    }

    [Fact]
    public async Task A_prompt_in_another_script_stays_readable()
    {
        await using var api = await TestApi.StartAsync();
        var id = await api.SubmitAsync("""{"prompt":"ein roter Apfel, りんご"}""");
        Assert.Contains("りんご", (await api.GetAsync($"/v1/jobs/{id}")).Text, StringComparison.Ordinal);
    }
}
