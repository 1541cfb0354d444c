using System.Net;
using ImageService.Core;

namespace ImageService.Api.Tests;

public sealed class ModelsAndHealth
{
    [Fact]
    public async Task Models_come_in_OpenAIs_list_shape()
    {
        await using var api = await TestApi.StartAsync();
        api.Store.Models.Add(TestModels.Inpaint);
        var list = (await api.GetAsync("/v1/models")).Json;
        Assert.Equal("list", list.GetProperty("object").GetString());
        Assert.Equal(["inpaint", "starter"], list.GetProperty("data").EnumerateArray().Select(m => m.GetProperty("id").GetString()));
        var starter = list.GetProperty("data")[1];
        Assert.Equal(("model", 1_790_000_000, "local"), (starter.GetProperty("object").GetString(), starter.GetProperty("created").GetInt64(),
            starter.GetProperty("owned_by").GetString()));
        Assert.Equal((64, 20, "euler"), (starter.GetProperty("size_multiple").GetInt32(), starter.GetProperty("default_steps").GetInt32(),
            starter.GetProperty("default_scheduler").GetString()));
    }

    [Fact]
    public async Task One_model_can_be_looked_at()
    {
        await using var api = await TestApi.StartAsync();
        Assert.Equal("starter", (await api.GetAsync("/v1/models/starter")).Json.GetProperty("id").GetString());
        var unknown = await api.GetAsync("/v1/models/..%2F..%2Fetc%2Fpasswd");
        Assert.Equal((HttpStatusCode.NotFound, "model-not-found"), (unknown.Status, unknown.Problem));
    }

    [Fact]
    public async Task Every_listed_scheduler_and_alias_is_accepted()
    {
        await using var api = await TestApi.StartAsync();
        var listed = (await api.GetAsync("/v1/schedulers")).Json.GetProperty("schedulers").EnumerateArray().ToArray();
        Assert.Equal(SchedulerNames.All.Count, listed.Length);
        foreach (var scheduler in listed)
        {
            var name = scheduler.GetProperty("name").GetString()!;
            foreach (var accepted in scheduler.GetProperty("aliases").EnumerateArray().Select(a => a.GetString()).Append(name.ToUpperInvariant()))
            {
                var answer = await api.PostAsync($$"""{"prompt":"a","scheduler":"{{accepted}}"}""");
                Assert.Equal(name, answer.Json.GetProperty("scheduler").GetString());
            }
        }
    }

    [Fact]
    public async Task Live_while_the_process_runs_ready_while_jobs_can_be_taken()
    {
        await using var api = await TestApi.StartAsync();
        Assert.Equal(HttpStatusCode.OK, (await api.GetAsync("/healthz/live")).Status);
        Assert.Equal(HttpStatusCode.OK, (await api.GetAsync("/healthz/ready")).Status);
        api.Store.Down = true;
        Assert.Equal(HttpStatusCode.OK, (await api.GetAsync("/healthz/live")).Status);
        var ready = await api.GetAsync("/healthz/ready");
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "unavailable"), (ready.Status, ready.Json.GetProperty("status").GetString()));
        api.Store.Down = false;
        api.Lifetime.StopApplication();
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await api.GetAsync("/healthz/ready")).Status);
    }

    [Fact]
    public async Task While_it_stops_callers_are_asked_to_come_back_on_another_connection()
    {
        await using var api = await TestApi.StartAsync();
        Assert.NotEqual(true, (await api.Client.GetAsync("/v1/models", TestContext.Current.CancellationToken)).Headers.ConnectionClose);
        api.Lifetime.StopApplication();
        Assert.True((await api.Client.GetAsync("/v1/models", TestContext.Current.CancellationToken)).Headers.ConnectionClose);
    }

    [Fact]
    public async Task Where_the_worker_is_inside_readiness_waits_for_its_model()
    {
        await using var api = await TestApi.StartAsync(("Api:ReadyNeedsModel", "true"));
        api.Store.Models.Clear();
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await api.GetAsync("/healthz/ready")).Status);
        api.Store.Models.Add(TestModels.Starter);
        Assert.Equal(HttpStatusCode.OK, (await api.GetAsync("/healthz/ready")).Status);
    }

    [Theory]
    [InlineData("Api:StoreTimeoutSeconds", "0")]
    [InlineData("Api:KeepAliveSeconds", "301")]
    [InlineData("Limits:MaxSide", "63")]
    [InlineData("Limits:MaxWaitingPerClient", "1000001")]
    public async Task Wrong_settings_stop_the_start_and_are_named(string key, string value)
    {
        var failure = await Assert.ThrowsAnyAsync<Exception>(() => TestApi.StartAsync((key, value)));
        Assert.Contains(key.Split(':')[1], failure.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_page_needs_nothing_from_elsewhere_and_says_so()
    {
        await using var api = await TestApi.StartAsync();
        using var page = await api.Client.GetAsync("/");
        Assert.Equal("text/html", page.Content.Headers.ContentType!.MediaType);
        var policy = Assert.Single(page.Headers.GetValues("Content-Security-Policy"));
        Assert.StartsWith("default-src 'none'", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);
        var html = await page.Content.ReadAsStringAsync();
        Assert.DoesNotContain("style=", html, StringComparison.Ordinal);
        foreach (var file in (string[])["/app.css", "/app.js", "/api.js", "/form.js", "/jobs.js", "/viewer.js", "/theme.js", "/toast.js", "/favicon.svg"])
            Assert.Equal(HttpStatusCode.OK, (await api.GetAsync(file)).Status);
    }
}
