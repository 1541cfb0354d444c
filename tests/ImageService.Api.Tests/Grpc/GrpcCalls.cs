using Google.Rpc;
using Grpc.Core;
using Grpc.Net.Client.Web;
using ImageService.Core;
using ImageService.V1;
using HealthClient = Grpc.Health.V1.Health.HealthClient;
using JobStatus = ImageService.V1.JobStatus;

namespace ImageService.Api.Tests.Grpc;

/// <summary>What a gRPC client sees, over the same intake and store as REST.</summary>
public sealed class GrpcCalls
{
    private static readonly SubmitRequest Apple = new() { Prompt = "a red apple" };

    [Fact]
    public async Task A_job_submitted_here_is_the_job_that_REST_shows()
    {
        await using var api = await TestApi.StartAsync();
        using var channel = api.Channel();
        var client = new Images.ImagesClient(channel);
        var job = await client.SubmitAsync(new SubmitRequest { Prompt = "a red apple", Seed = 7, Width = 128, NumImages = 2, Rng = "philox", Metadata = { ["a"] = "b" } });
        Assert.Equal((JobStatus.Queued, 7L, 128, 256, "starter"), (job.Status, job.Seed, job.Width, job.Height, job.Model));
        var shown = (await api.GetAsync($"/v1/jobs/{job.Id}")).Json;
        Assert.Equal(("philox", 2, "b"), (shown.GetProperty("rng").GetString(), shown.GetProperty("num_images").GetInt32(), shown.GetProperty("metadata").GetProperty("a").GetString()));

        api.Succeed(JobId.Parse(job.Id), [1, 2, 3], [4, 5]);
        var ended = await client.GetAsync(new GetRequest { Id = job.Id });
        Assert.Equal(JobStatus.Succeeded, ended.Status);
        Assert.Equal([7L, 8L], ended.Images.Select(i => i.Seed));
        Assert.Equal([4, 5], await api.Client.GetByteArrayAsync(ended.Images[1].Url));
        Assert.Equal((0.15, 40), (ended.Timings.Admission, ended.Timings.RowSteps));
    }

    [Fact]
    public async Task The_trace_of_the_call_goes_along_with_the_job()
    {
        await using var api = await TestApi.StartAsync();
        using var channel = api.Channel();
        var parent = new Metadata { { "traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" } };
        await new Images.ImagesClient(channel).SubmitAsync(Apple, parent);
        Assert.StartsWith("00-0af7651916cd43dd8448eb211c80319c-", Assert.Single(api.Store.Submissions).TraceParent);
    }

    [Fact]
    public async Task Every_wrong_field_is_a_violation_with_RESTs_sentence()
    {
        await using var api = await TestApi.StartAsync();
        using var channel = api.Channel();
        var (failure, status) = await FailureAsync(() => new Images.ImagesClient(channel).SubmitAsync(
            new SubmitRequest { Prompt = " ", Width = 100, GuidanceScale = float.NaN, NumImages = 17 }).ResponseAsync);
        Assert.Equal(StatusCode.InvalidArgument, failure.StatusCode);
        Assert.Equal(["guidance_scale", "num_images", "prompt", "width"], status.GetDetail<BadRequest>()!.FieldViolations.Select(v => v.Field).Order());
        var rest = await api.PostAsync("""{"prompt":" "}""");
        Assert.Equal(rest.Sentence("prompt"), status.GetDetail<BadRequest>()!.FieldViolations.Single(v => v.Field == "prompt").Description);
        Assert.Equal(("invalid-request", "imageservice"), (status.GetDetail<ErrorInfo>()!.Reason, status.GetDetail<ErrorInfo>()!.Domain));
    }

    [Fact]
    public async Task Words_that_are_none_are_refused_together()
    {
        await using var api = await TestApi.StartAsync();
        using var channel = api.Channel();
        var (_, status) = await FailureAsync(() => new Images.ImagesClient(channel).SubmitAsync(
            new SubmitRequest { Prompt = "a", Rng = "dice", Determinism = "0", OutputFormat = "gif", PromptSyntax = "x" }).ResponseAsync);
        Assert.Equal(["determinism", "output_format", "prompt_syntax", "rng"], status.GetDetail<BadRequest>()!.FieldViolations.Select(v => v.Field).Order());
    }

    [Fact]
    public async Task Unknown_jobs_and_models_are_not_found()
    {
        await using var api = await TestApi.StartAsync();
        using var channel = api.Channel();
        var client = new Images.ImagesClient(channel);
        var unknown = "job_01k9z3v7m8q2r4t6w8y0a2c4e6";
        var removed = JobId.New(api.Clock);
        api.Store.Removed.Add(removed);
        (Func<Task> Call, string Reason)[] cases =
        [
            (() => client.GetAsync(new GetRequest { Id = unknown }).ResponseAsync, "job-not-found"),
            (() => client.CancelAsync(new CancelRequest { Id = "../etc" }).ResponseAsync, "job-not-found"),
            (() => client.Watch(new WatchRequest { Id = unknown }).ResponseStream.MoveNext(default), "job-not-found"),
            (() => client.GetAsync(new GetRequest { Id = removed.Value }).ResponseAsync, "job-gone"),
            (() => client.CancelAsync(new CancelRequest { Id = removed.Value }).ResponseAsync, "job-gone"),
            (() => client.Watch(new WatchRequest { Id = removed.Value }).ResponseStream.MoveNext(default), "job-gone"),
            (() => client.SubmitAsync(new SubmitRequest { Prompt = "a", Model = "none" }).ResponseAsync, "model-not-found"),
        ];
        foreach (var (call, reason) in cases)
        {
            var (failure, status) = await FailureAsync(call);
            Assert.Equal((StatusCode.NotFound, reason), (failure.StatusCode, status.GetDetail<ErrorInfo>()!.Reason));
        }
    }

    [Fact]
    public async Task A_full_queue_and_a_store_that_is_away_are_unavailable_with_the_time_to_come_back()
    {
        await using var api = await TestApi.StartAsync();
        using var channel = api.Channel();
        var client = new Images.ImagesClient(channel);
        api.Store.Capacity = 0;
        var (full, fullStatus) = await FailureAsync(() => client.SubmitAsync(Apple).ResponseAsync);
        Assert.Equal((StatusCode.Unavailable, "queue-full"), (full.StatusCode, fullStatus.GetDetail<ErrorInfo>()!.Reason));
        api.Store.Down = true;
        var (down, downStatus) = await FailureAsync(() => client.GetAsync(new GetRequest { Id = JobId.New(api.Clock).Value }).ResponseAsync);
        Assert.Equal((StatusCode.Unavailable, "store-unavailable"), (down.StatusCode, downStatus.GetDetail<ErrorInfo>()!.Reason));
        Assert.Equal(5, downStatus.GetDetail<RetryInfo>()!.RetryDelay.Seconds);
    }

    [Fact]
    public async Task One_key_is_one_job_whichever_way_it_comes()
    {
        await using var api = await TestApi.StartAsync();
        using var channel = api.Channel();
        var client = new Images.ImagesClient(channel);
        var keyed = new SubmitRequest { Prompt = "a red apple", Seed = 3, IdempotencyKey = "k1" };
        var job = await client.SubmitAsync(keyed);
        Assert.Equal(job.Id, (await client.SubmitAsync(keyed)).Id);
        var rest = await api.PostAsync("""{"prompt":"a red apple","seed":3}""", ("Idempotency-Key", "k1"));
        Assert.Equal(job.Id, rest.Json.GetProperty("id").GetString());
        var (reused, _) = await FailureAsync(() => client.SubmitAsync(new SubmitRequest { Prompt = "other", IdempotencyKey = "k1" }).ResponseAsync);
        Assert.Equal(StatusCode.FailedPrecondition, reused.StatusCode);
        var (bad, badStatus) = await FailureAsync(() => client.SubmitAsync(new SubmitRequest { Prompt = "other", IdempotencyKey = new string('k', 256) }).ResponseAsync);
        Assert.Equal("idempotency_key", Assert.Single(badStatus.GetDetail<BadRequest>()!.FieldViolations).Field);
    }

    [Fact]
    public async Task A_start_image_comes_as_bytes_and_one_that_is_too_large_is_refused()
    {
        await using var api = await TestApi.StartAsync();
        using var channel = api.Channel();
        var client = new Images.ImagesClient(channel);
        var png = Google.Protobuf.ByteString.CopyFrom(Pictures.Png(64, 64, _ => { }));
        var job = await client.SubmitAsync(new SubmitRequest { Prompt = "a", Image = png });
        Assert.Equal((64, 64), (job.Width, job.Height));
        Assert.Equal(64 * 64 * 3, api.Blobs.Blobs[BlobNames.StartImage(JobId.Parse(job.Id))].Length);
        var (failure, _) = await FailureAsync(() => client.SubmitAsync(new SubmitRequest
        {
            Prompt = "a", Image = Google.Protobuf.UnsafeByteOperations.UnsafeWrap(new byte[18 * 1024 * 1024]),
        }).ResponseAsync);
        Assert.Equal(StatusCode.ResourceExhausted, failure.StatusCode);
    }

    [Fact]
    public async Task A_deadline_ends_a_call_that_the_store_holds_up()
    {
        await using var api = await TestApi.StartAsync();
        using var channel = api.Channel();
        api.Store.Hangs = true;
        var call = new Images.ImagesClient(channel).GetAsync(new GetRequest { Id = JobId.New(api.Clock).Value }, deadline: DateTime.MinValue.AddYears(2025).ToUniversalTime());
        Assert.Equal(StatusCode.DeadlineExceeded, (await Assert.ThrowsAsync<RpcException>(() => call.ResponseAsync)).StatusCode);
    }

    [Fact]
    public async Task Models_are_listed_as_REST_lists_them()
    {
        await using var api = await TestApi.StartAsync();
        using var channel = api.Channel();
        var model = Assert.Single((await new Images.ImagesClient(channel).ListModelsAsync(new ListModelsRequest())).Models);
        Assert.Equal((await api.GetAsync("/v1/models/starter")).Json.GetProperty("family").GetString(), model.Family);
        Assert.Equal(("starter", 64, 20), (model.Id, model.SizeMultiple, model.DefaultSteps));
    }

    [Fact]
    public async Task GrpcWeb_speaks_over_HTTP_1()
    {
        await using var api = await TestApi.StartAsync();
        using var channel = api.Channel(inner => new GrpcWebHandler(GrpcWebMode.GrpcWebText, inner));
        var client = new Images.ImagesClient(channel);
        using var call = client.Generate(Apple);
        Assert.True(await call.ResponseStream.MoveNext(default));
        api.Succeed(JobId.Parse(call.ResponseStream.Current.JobId), [1]);
        Assert.True(await call.ResponseStream.MoveNext(default));
        Assert.Equal(JobStatus.Succeeded, call.ResponseStream.Current.Done.Status);
        Assert.False(await call.ResponseStream.MoveNext(default));
    }

    [Theory]
    [InlineData("")]
    [InlineData("imageservice.v1.Images")]
    public async Task Health_follows_the_store(string service)
    {
        await using var api = await TestApi.StartAsync();
        using var channel = api.Channel();
        var client = new HealthClient(channel);
        var request = new global::Grpc.Health.V1.HealthCheckRequest { Service = service };
        Assert.Equal(global::Grpc.Health.V1.HealthCheckResponse.Types.ServingStatus.Serving, (await client.CheckAsync(request)).Status);
        api.Store.Down = true;
        Assert.Equal(global::Grpc.Health.V1.HealthCheckResponse.Types.ServingStatus.NotServing, (await client.CheckAsync(request)).Status);
    }

    [Theory]
    [InlineData("true", StatusCode.OK)]
    [InlineData("false", StatusCode.Unimplemented)]
    public async Task Reflection_answers_where_it_is_switched_on(string setting, StatusCode expected)
    {
        await using var api = await TestApi.StartAsync(("Api:GrpcReflection", setting));
        using var channel = api.Channel();
        using var call = new global::Grpc.Reflection.V1Alpha.ServerReflection.ServerReflectionClient(channel).ServerReflectionInfo();
        await call.RequestStream.WriteAsync(new global::Grpc.Reflection.V1Alpha.ServerReflectionRequest { ListServices = "" }).ContinueWith(static _ => { });
        await call.RequestStream.CompleteAsync().ContinueWith(static _ => { });
        if (expected == StatusCode.OK)
        {
            Assert.True(await call.ResponseStream.MoveNext(default));
            Assert.Contains(call.ResponseStream.Current.ListServicesResponse.Service, s => s.Name == "imageservice.v1.Images");
        }
        else
        {
            Assert.Equal(expected, (await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext(default))).StatusCode);
        }
    }

    internal static async Task<(RpcException Failure, Google.Rpc.Status Status)> FailureAsync(Func<Task> call)
    {
        var failure = await Assert.ThrowsAsync<RpcException>(call);
        return (failure, failure.GetRpcStatus() ?? new Google.Rpc.Status());
    }
}
