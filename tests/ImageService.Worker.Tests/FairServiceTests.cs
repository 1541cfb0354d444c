using ImageService.Core;
using ImageService.Storage;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace ImageService.Worker.Tests;

/// <summary>From the store's line through the pump's look-ahead to the engine's rows.</summary>
public sealed class FairServiceTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("imageservice-fair-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_client_with_one_job_starts_within_two_completions_of_anothers_thousand()
    {
        await using var storage = Storage();
        var store = storage.GetRequiredService<IJobStore>();
        for (var i = 0; i < 1000; i++)
            await SubmitAsync(store, "a", WorkerScene.Request(seed: i, steps: 3));
        await using var scene = new WorkerScene(maxRows: 4, store: storage.GetRequiredService<IJobQueue>());
        var (submitted, ended, endedBefore, endedSince) = (1000, 0, -1, -1);
        scene.Model.OnDecode = () => Interlocked.Increment(ref ended);
        scene.Model.OnPredict = batch =>
        {
            if (endedSince >= 0)
                return;
            // Each turn waits until the pump has leased for what has ended, so that nothing depends on how fast the store is.
            SpinWait.SpinUntil(() => store.DepthAsync(CancellationToken.None).Result.Queued <= submitted - 3 - ended);
            if (ended >= 10 && endedBefore < 0)
            {
                SubmitAsync(store, "b", WorkerScene.Request(seed: 5000, steps: 3) with { GuidanceScale = 1 }).Wait();
                (endedBefore, submitted) = (ended, submitted + 1);
            }
            if (batch.Rows % 2 == 1) // the only one without guidance
            {
                endedSince = ended - endedBefore;
                scene.Journal.Add("the second client's job has started");
            }
        };
        await scene.StartAsync();
        await scene.Journal.Has("the second client's job has started");

        Assert.InRange(endedSince, 0, 2);
    }

    private static async Task SubmitAsync(IJobStore store, string client, GenerationRequest request) =>
        Assert.Equal(SubmitOutcome.Accepted, (await store.SubmitAsync(new JobSubmission(JobId.New(TimeProvider.System), request, client), default)).Outcome);

    private ServiceProvider Storage()
    {
        var settings = new Dictionary<string, string?>
        {
            ["Jobs:SqlitePath"] = Path.Combine(_folder, "jobs.db"),
            ["Jobs:SqliteSynchronous"] = "normal",
            ["Blobs:DiskPath"] = Path.Combine(_folder, "blobs"),
        };
        return new ServiceCollection().AddLogging().AddStorage(new ConfigurationBuilder().AddInMemoryCollection(settings).Build()).BuildServiceProvider();
    }
}
