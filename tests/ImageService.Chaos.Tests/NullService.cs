using Grpc.Net.Client;
using ImageService.Api;
using ImageService.Storage;
using ImageService.Testing;
using ImageService.V1;
using ImageService.Worker;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace ImageService.Chaos.Tests;

/// <summary>
/// All that a job costs beside its drawing: the API on a loopback port, its worker, a Redis, pictures on the disk, and a model of 16x16 pixels whose U-Net
/// is a formula. API and worker share the process of the test and nothing else: each has its own connection to Redis.
/// </summary>
internal sealed class NullService : IAsyncDisposable
{
    private readonly EndToEnd.Tests.TemporaryFolder _folder;
    private readonly WebApplication _api;
    private readonly WebApplication _worker;
    private readonly GrpcChannel _channel;

    private NullService(EndToEnd.Tests.TemporaryFolder folder, WebApplication api, WebApplication worker)
    {
        (_folder, _api, _worker) = (folder, api, worker);
        _channel = GrpcChannel.ForAddress(api.Urls.Single());
        Client = new Images.ImagesClient(_channel);
    }

    public Images.ImagesClient Client { get; }

    public static async Task<NullService> StartAsync(string redis)
    {
        var folder = new EndToEnd.Tests.TemporaryFolder();
        var api = await StartAsync("Http2", builder => builder.Services.AddImageApi(builder.Configuration), app => app.UseImageApi());
        var worker = await StartAsync("Http1", AddNullWorker, static _ => { });
        var service = new NullService(folder, api, worker);
        while ((await service.Client.ListModelsAsync(new ListModelsRequest())).Models.Count == 0)
            await Task.Delay(50);
        return service;

        async Task<WebApplication> StartAsync(string protocols, Action<WebApplicationBuilder> add, Action<WebApplication> use)
        {
            var builder = WebApplication.CreateBuilder();
            builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
            {
                ["Kestrel:Endpoints:One:Url"] = "http://127.0.0.1:0",
                ["Kestrel:Endpoints:One:Protocols"] = protocols,
                ["Jobs:Store"] = "redis",
                ["Redis:Connection"] = redis,
                ["Blobs:DiskPath"] = folder.Path,
                ["Models:Path"] = folder.Path,
                ["Models:Default"] = "fake",
            });
            builder.Logging.ClearProviders();
            builder.Services.AddStorage(builder.Configuration);
            add(builder);
            var app = builder.Build();
            use(app);
            await app.StartAsync();
            return app;
        }
    }

    /// <summary>Submits a job of one step and follows its events to the last.</summary>
    public async Task RunJobAsync(long seed, CancellationToken stop)
    {
        using var call = Client.Generate(new SubmitRequest { Prompt = "a cat", Seed = seed, NumInferenceSteps = 1, GuidanceScale = 1, Width = 16, Height = 16 }, cancellationToken: stop);
        JobEvent? last = null;
        while (await call.ResponseStream.MoveNext(stop))
            last = call.ResponseStream.Current;
        Assert.Equal(JobStatus.Succeeded, last!.Done.Status);
    }

    public async ValueTask DisposeAsync()
    {
        _channel.Dispose();
        await _worker.StopAsync();
        await _worker.DisposeAsync();
        await _api.StopAsync();
        await _api.DisposeAsync();
        _folder.Dispose();
    }

    private static void AddNullWorker(WebApplicationBuilder builder)
    {
        var model = new FakeDiffusionModel { RecordCalls = false };
        builder.Services.AddImageWorker(builder.Configuration)
            .AddSingleton(new WorkerModels([model.Info.Description], _ => model, "cpu"))
            .AddSingleton(FakePreparation.Create())
            .AddSingleton(new PngFormat("none", "0").Format);
    }
}
