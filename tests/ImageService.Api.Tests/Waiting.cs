using System.Net;

namespace ImageService.Api.Tests;

/// <summary><c>Prefer: wait=N</c> and <c>Idempotency-Key</c>.</summary>
public sealed class Waiting
{
    private const string Body = """{"prompt":"a red apple","seed":1}""";

    [Fact]
    public async Task A_waiting_submit_answers_200_when_the_job_ends()
    {
        await using var api = await TestApi.StartAsync();
        var pending = api.PostAsync(Body, ("Prefer", "wait=60"));
        var id = (await api.Store.NextSubmission.Task).Id;
        api.Store.Progress(id, 1, 20);
        Assert.False(pending.IsCompleted);
        api.Succeed(id, [1, 2, 3]);

        var answer = await pending;

        Assert.Equal((HttpStatusCode.OK, "succeeded"), (answer.Status, answer.Json.GetProperty("status").GetString()));
        Assert.Equal("wait=60", Assert.Single(answer.Headers.GetValues("Preference-Applied")));
        Assert.Equal($"/v1/jobs/{id}", answer.Headers.Location!.ToString());
    }

    [Fact]
    public async Task A_failed_job_ends_the_wait_too()
    {
        await using var api = await TestApi.StartAsync();
        var pending = api.PostAsync(Body, ("Prefer", "respond-async, wait=\"60\"; x=y"));
        var id = (await api.Store.NextSubmission.Task).Id;
        api.Store.Fail(id, "numeric", "No numbers.");
        var answer = await pending;
        Assert.Equal((HttpStatusCode.OK, "failed"), (answer.Status, answer.Json.GetProperty("status").GetString()));
    }

    [Fact]
    public async Task When_time_is_up_the_answer_is_202_with_the_latest_state()
    {
        await using var api = await TestApi.StartAsync();
        var pending = api.PostAsync(Body, ("Prefer", "wait=2"));
        var id = (await api.Store.NextSubmission.Task).Id;
        api.Store.Progress(id, 5, 20);

        await api.TurnClockUntilAsync(pending, TimeSpan.FromSeconds(1));

        var answer = await pending;
        Assert.Equal((HttpStatusCode.Accepted, 5), (answer.Status, answer.Json.GetProperty("step").GetInt32()));
    }

    [Fact]
    public async Task A_stop_of_the_service_ends_the_wait_with_202()
    {
        await using var api = await TestApi.StartAsync();
        var pending = api.PostAsync(Body, ("Prefer", "wait=60"));
        await api.Store.NextSubmission.Task;
        var stopping = api.StopAsync();
        Assert.Equal(HttpStatusCode.Accepted, (await pending).Status);
        await stopping;
    }

    [Fact]
    public async Task A_store_that_fails_after_the_submit_does_not_unmake_the_job()
    {
        await using var api = await TestApi.StartAsync();
        var pending = api.PostAsync(Body, ("Prefer", "wait=60"));
        var id = (await api.Store.NextSubmission.Task).Id;
        api.Store.Down = true;
        api.Store.Progress(id, 1, 20);
        var answer = await pending;
        Assert.Equal((HttpStatusCode.Accepted, id.Value), (answer.Status, answer.Json.GetProperty("id").GetString()));
    }

    [Theory]
    [InlineData("wait=0", "wait=0")]
    [InlineData("wait=-1", null)]
    [InlineData("wait=soon", null)]
    [InlineData("wait", null)]
    [InlineData("handling=strict", null)]
    public async Task What_is_not_understood_is_not_applied(string preference, string? applied)
    {
        await using var api = await TestApi.StartAsync();
        var answer = await api.PostAsync(Body, ("Prefer", preference));
        Assert.Equal(HttpStatusCode.Accepted, answer.Status);
        Assert.Equal(applied, answer.Headers.TryGetValues("Preference-Applied", out var values) ? values.Single() : null);
    }

    [Fact]
    public async Task Nobody_waits_longer_than_the_limit()
    {
        await using var api = await TestApi.StartAsync(("Api:MaxWaitSeconds", "1"));
        var pending = api.PostAsync(Body, ("Prefer", "wait=100000"));
        await api.Store.NextSubmission.Task;
        await api.TurnClockUntilAsync(pending, TimeSpan.FromSeconds(1));
        Assert.Equal("wait=1", Assert.Single((await pending).Headers.GetValues("Preference-Applied")));
    }

    [Fact]
    public async Task A_repeated_key_returns_the_first_job()
    {
        await using var api = await TestApi.StartAsync();
        var first = await api.PostAsync("""{"prompt":"a","width":256,"model":null,"metadata":{"b":"2","a":"1"}}""", ("Idempotency-Key", "\"order 17\""));
        var again = await api.PostAsync("""{ "metadata":{"a":"1","b":"2"}, "width":256, "prompt":"\u0061" }""", ("Idempotency-Key", "order 17"));

        Assert.Equal((HttpStatusCode.Accepted, HttpStatusCode.Accepted), (first.Status, again.Status));
        Assert.False(first.Headers.Contains("Idempotent-Replayed"));
        Assert.Equal("true", Assert.Single(again.Headers.GetValues("Idempotent-Replayed")));
        Assert.Equal(first.Json.GetProperty("id").GetString(), again.Json.GetProperty("id").GetString());
        Assert.Single(api.Store.Submissions);
    }

    [Fact]
    public async Task A_repeated_key_of_an_ended_job_that_is_waited_for_answers_200()
    {
        await using var api = await TestApi.StartAsync();
        await api.PostAsync(Body, ("Idempotency-Key", "k"));
        api.Succeed(api.Store.Submissions[0].Id, [1]);
        var again = await api.PostAsync(Body, ("Idempotency-Key", "k"), ("Prefer", "wait=10"));
        Assert.Equal((HttpStatusCode.OK, "succeeded"), (again.Status, again.Json.GetProperty("status").GetString()));
    }

    [Fact]
    public async Task A_key_with_another_body_is_422()
    {
        await using var api = await TestApi.StartAsync();
        await api.PostAsync(Body, ("Idempotency-Key", "k"));
        var other = await api.PostAsync("""{"prompt":"a green apple","seed":1}""", ("Idempotency-Key", "k"));
        Assert.Equal((HttpStatusCode.UnprocessableEntity, "idempotency-key-reused"), (other.Status, other.Problem));
        Assert.Single(api.Store.Submissions);
    }

    [Theory]
    [InlineData("\"\"")]
    [InlineData("ключ")]
    [InlineData("tab\there")]
    public async Task A_key_that_is_none_is_named(string key)
    {
        await using var api = await TestApi.StartAsync();
        var answer = await api.PostAsync(Body, ("Idempotency-Key", key));
        Assert.Equal((HttpStatusCode.BadRequest, "Idempotency-Key"), (answer.Status, Assert.Single(answer.Fields)));
    }

    [Fact]
    public async Task A_key_has_at_most_255_characters()
    {
        await using var api = await TestApi.StartAsync();
        Assert.Equal(HttpStatusCode.Accepted, (await api.PostAsync(Body, ("Idempotency-Key", new string('k', 255)))).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await api.PostAsync(Body, ("Idempotency-Key", new string('k', 256)))).Status);
    }
}
