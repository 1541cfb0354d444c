using System.Net;
using ImageService.Core;

namespace ImageService.Api.Tests;

public sealed class SubmittingJobs
{
    [Fact]
    public async Task A_prompt_alone_is_accepted_with_the_models_defaults()
    {
        await using var api = await TestApi.StartAsync();

        var answer = await api.PostAsync("""{"prompt":"a red apple"}""");

        Assert.Equal(HttpStatusCode.Accepted, answer.Status);
        var id = answer.Json.GetProperty("id").GetString();
        Assert.Equal($"/v1/jobs/{id}", answer.Headers.Location!.ToString());
        Assert.Equal("queued", answer.Json.GetProperty("status").GetString());
        Assert.Equal(0, answer.Json.GetProperty("queue_position").GetInt32());
        var request = Assert.Single(api.Store.Submissions).Request;
        Assert.Equal(("starter", "a red apple", "", 256, 256, 20, 5f, "euler"), (request.Model, request.Prompt, request.NegativePrompt,
            request.Width, request.Height, request.NumInferenceSteps, request.GuidanceScale, request.Scheduler));
        Assert.InRange(request.Seed, 0, uint.MaxValue);
    }

    [Fact]
    public async Task Every_field_reaches_the_store()
    {
        await using var api = await TestApi.StartAsync();

        var answer = await api.PostAsync("""
            {"model":"starter","prompt":"p","negative_prompt":"n","width":128,"height":192,"num_inference_steps":7,"guidance_scale":2.5,
             "guidance_rescale":0.25,"scheduler":"DPM++ 2M Karras","seed":9223372036854775800,"rng":"philox","num_images":3,"clip_skip":1,
             "image":null,"mask_image":null,"strength":null,"preview_every":4,"output_format":"png","metadata":{"order":"17"},
             "prompt_syntax":"a1111","determinism":"exact","priority":-3}
            """);

        Assert.Equal(HttpStatusCode.Accepted, answer.Status);
        var expected = new GenerationRequest
        {
            Model = "starter", Prompt = "p", NegativePrompt = "n", Width = 128, Height = 192, NumInferenceSteps = 7, GuidanceScale = 2.5f,
            GuidanceRescale = 0.25f, Scheduler = "dpmpp_2m_karras", Seed = 9223372036854775800, Rng = NoiseSource.Philox, NumImages = 3, ClipSkip = 1,
            PreviewEvery = 4, PromptSyntax = PromptSyntax.A1111, Determinism = Determinism.Exact, Priority = -3,
        };
        var request = Assert.Single(api.Store.Submissions).Request;
        Assert.Equal(expected, request with { Metadata = null });
        Assert.Equal("17", request.Metadata!["order"]);
        Assert.Equal("17", answer.Json.GetProperty("metadata").GetProperty("order").GetString());
        Assert.Equal("dpmpp_2m_karras", answer.Json.GetProperty("scheduler").GetString());
        Assert.Equal("philox", answer.Json.GetProperty("rng").GetString());
        Assert.Equal("a1111", answer.Json.GetProperty("prompt_syntax").GetString());
    }

    [Fact]
    public async Task Two_jobs_without_a_seed_get_different_ones()
    {
        await using var api = await TestApi.StartAsync();
        await api.SubmitAsync();
        await api.SubmitAsync();
        Assert.NotEqual(api.Store.Submissions[0].Request.Seed, api.Store.Submissions[1].Request.Seed);
    }

    [Fact]
    public async Task The_configured_default_model_is_taken()
    {
        await using var api = await TestApi.StartAsync(("Models:Default", "text-only"));
        api.Store.Models.Add(TestModels.TextOnly);
        await api.SubmitAsync();
        Assert.Equal("text-only", api.Store.Submissions[0].Request.Model);
    }

    [Fact]
    public async Task Without_any_model_the_client_is_asked_to_come_back()
    {
        await using var api = await TestApi.StartAsync();
        api.Store.Models.Clear();

        var answer = await api.PostAsync("""{"prompt":"a"}""");

        Assert.Equal((HttpStatusCode.ServiceUnavailable, "no-model"), (answer.Status, answer.Problem));
        Assert.NotNull(answer.Headers.RetryAfter);
        api.Store.Models.Add(TestModels.Starter);
        await api.SubmitAsync();
    }

    [Fact]
    public async Task Models_are_asked_for_once_in_a_while()
    {
        await using var api = await TestApi.StartAsync();
        await api.SubmitAsync();
        await api.SubmitAsync();
        Assert.Equal(1, api.Store.ModelLists);
        api.Clock.Advance(TimeSpan.FromSeconds(3));
        await api.SubmitAsync();
        Assert.Equal(2, api.Store.ModelLists);
    }

    [Fact]
    public async Task A_full_queue_answers_503_with_retry_after()
    {
        await using var api = await TestApi.StartAsync();
        api.Store.Capacity = 1;
        var kept = await api.SubmitAsync();

        var answer = await api.PostAsync("""{"prompt":"a"}""");

        Assert.Equal((HttpStatusCode.ServiceUnavailable, "queue-full"), (answer.Status, answer.Problem));
        Assert.Equal(TimeSpan.FromSeconds(5), answer.Headers.RetryAfter!.Delta);
        Assert.Equal(HttpStatusCode.OK, (await api.GetAsync($"/v1/jobs/{kept}")).Status);
    }

    [Fact]
    public async Task One_client_may_not_fill_the_queue_where_a_limit_is_set()
    {
        await using var api = await TestApi.StartAsync(("Limits:MaxWaitingPerClient", "2"));
        await api.SubmitAsync();
        var second = await api.SubmitAsync();

        var answer = await api.PostAsync("""{"prompt":"a"}""");

        Assert.Equal((HttpStatusCode.TooManyRequests, "too-many-jobs"), (answer.Status, answer.Problem));
        Assert.NotNull(answer.Headers.RetryAfter);
        api.Store.Progress(second, 1, 20);
        await api.SubmitAsync();
    }

    [Fact]
    public async Task A_store_that_is_down_answers_503()
    {
        await using var api = await TestApi.StartAsync();
        api.Store.Down = true;
        var answer = await api.PostAsync("""{"prompt":"a"}""");
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "store-unavailable"), (answer.Status, answer.Problem));
        Assert.NotNull(answer.Headers.RetryAfter);
    }

    [Fact]
    public async Task A_store_that_hangs_answers_503_within_two_seconds()
    {
        await using var api = await TestApi.StartAsync();
        api.Store.Hangs = true;

        var pending = api.PostAsync("""{"prompt":"a"}""");
        await api.Store.Hanging.Task;
        await api.TurnClockUntilAsync(pending, TimeSpan.FromSeconds(2));

        var answer = await pending;
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "store-unavailable"), (answer.Status, answer.Problem));
    }
}
