using System.Security.Cryptography;
using ImageService.Core;
using ImageService.Storage;
using ImageService.Tests;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace ImageService.Worker.Tests;

/// <summary>Nothing is fake here: SQLite, files, ONNX Runtime on the CPU with a tiny model.</summary>
public sealed class RealWorkerTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly string _folder = Directory.CreateTempSubdirectory("imageservice-worker-").FullName;

    public RealWorkerTests() => GoldenFolder.CopyModel("tiny-sd15", Path.Combine(_folder, "models"));

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Jobs_of_all_kinds_drawn_together_end_as_pictures_in_the_blob_store()
    {
        using var host = await StartAsync();
        var store = host.Services.GetRequiredService<IJobStore>();
        var ids = new List<JobId>();
        foreach (var (scheduler, i) in new[] { "euler", "dpmpp_2m_karras", "pndm", "euler_a", "ddim" }.Select((s, i) => (s, i)))
            ids.Add(await SubmitAsync(store, Request(scheduler, steps: 6 + i, seed: i) with { NumImages = 1 + (i % 2), GuidanceScale = i % 3 == 0 ? 1 : 7.5f, PreviewEvery = 3 }));
        foreach (var id in ids)
        {
            var job = await EndAsync(store, id);
            Assert.Equal(JobStatus.Succeeded, job.Status);
            Assert.Equal(job.Request.NumImages, job.Images.Count);
            Assert.Equal(job.Steps, job.Step);
            foreach (var image in job.Images)
            {
                var content = await ContentAsync(host, image);
                Assert.Equal("\u0089PNG", string.Concat(content.Take(4).Select(b => (char)b)));
                Assert.Equal(image.Sha256, Convert.ToHexStringLower(SHA256.HashData(content)));
            }
        }
        await host.StopAsync();
    }

    [Fact]
    public async Task A_worker_that_stops_in_mid_picture_leaves_the_rest_to_the_next_one_and_the_file_is_the_same()
    {
        var request = Request("euler_a", steps: 1000, seed: 11);
        byte[] whole;
        JobId interrupted;
        using (var first = await StartAsync())
        {
            var store = first.Services.GetRequiredService<IJobStore>();
            whole = await ContentAsync(first, (await EndAsync(store, await SubmitAsync(store, request))).Images[0]);
            interrupted = await SubmitAsync(store, request);
            using var patience = new CancellationTokenSource(Patience);
            await foreach (var happened in store.WatchAsync(interrupted, 0, patience.Token))
            {
                if (happened is JobProgress { Step: > 20 })
                    break;
            }
            await first.StopAsync();
            var waiting = await store.GetAsync(interrupted, CancellationToken.None);
            Assert.Equal(JobStatus.Queued, waiting!.Status);
        }
        using var second = await StartAsync();
        var job = await EndAsync(second.Services.GetRequiredService<IJobStore>(), interrupted);

        Assert.Empty(job.Warnings);
        Assert.Equal(2 * 1000, job.Timings!.RowSteps);
        Assert.Equal(whole, await ContentAsync(second, job.Images[0]));
        await second.StopAsync();
    }

    [Theory]
    [InlineData("tiny-sd15", false, true, "mask_image: ")]
    [InlineData("without-encoder", true, false, "image: ")]
    [InlineData("tiny-sd15-inpaint", false, false, "image: ")]
    [InlineData("tiny-sd15-inpaint", true, false, "mask_image: ")]
    public async Task A_job_that_does_not_fit_its_model_fails_at_once_with_the_field(string model, bool image, bool mask, string field)
    {
        var models = Path.Combine(_folder, "models");
        if (model == "tiny-sd15-inpaint")
            GoldenFolder.CopyModel(model, models);
        if (model == "without-encoder")
        {
            Directory.Move(Path.Combine(models, "tiny-sd15"), Path.Combine(models, model));
            Directory.Delete(Path.Combine(models, model, "vae_encoder"), recursive: true);
        }
        using var host = await StartAsync();
        var (store, blobs) = (host.Services.GetRequiredService<IJobStore>(), host.Services.GetRequiredService<IBlobStore>());
        var id = JobId.New(TimeProvider.System);
        var request = Request("euler", steps: 4, seed: 1) with { Model = model, Image = image ? BlobNames.StartImage(id) : null, MaskImage = mask ? BlobNames.Mask(id) : null };
        if (image)
            await blobs.PutAsync(BlobNames.StartImage(id), new byte[64 * 64 * 3], "application/octet-stream", CancellationToken.None);
        if (mask)
            await blobs.PutAsync(BlobNames.Mask(id), new byte[64 * 64], "application/octet-stream", CancellationToken.None);
        await store.SubmitAsync(new JobSubmission(id, request), CancellationToken.None);

        var job = await EndAsync(store, id);
        Assert.Equal((JobStatus.Failed, "invalid_request", 1), (job.Status, job.Error?.Code, job.Attempts));
        Assert.StartsWith(field, job.Error!.Message);
        Assert.EndsWith(".", job.Error.Message);
        Assert.Empty(job.Images);
        await host.StopAsync();
    }

    private static GenerationRequest Request(string scheduler, int steps, long seed) => new()
    {
        Model = "tiny-sd15",
        Prompt = "a red apple on a blue background",
        NegativePrompt = "text",
        Width = 64,
        Height = 64,
        NumInferenceSteps = steps,
        GuidanceScale = 7.5f,
        Scheduler = scheduler,
        Seed = seed,
    };

    private static async Task<JobId> SubmitAsync(IJobStore store, GenerationRequest request)
    {
        var id = JobId.New(TimeProvider.System);
        Assert.Equal(SubmitOutcome.Accepted, (await store.SubmitAsync(new JobSubmission(id, request), CancellationToken.None)).Outcome);
        return id;
    }

    private static async Task<Job> EndAsync(IJobStore store, JobId id)
    {
        using var patience = new CancellationTokenSource(Patience);
        await foreach (var happened in store.WatchAsync(id, 0, patience.Token))
        {
            if (happened is JobFinished finished)
                return finished.Job;
        }
        throw new InvalidOperationException("The job has not ended.");
    }

    private static async Task<byte[]> ContentAsync(IHost host, GeneratedImage image)
    {
        await using var stream = await host.Services.GetRequiredService<IBlobStore>().OpenReadAsync(image.BlobName, CancellationToken.None);
        using var content = new MemoryStream();
        await stream!.CopyToAsync(content);
        return content.ToArray();
    }

    private async Task<IHost> StartAsync()
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["Models:Path"] = Path.Combine(_folder, "models"),
            ["Execution:Provider"] = "cpu",
            ["Jobs:SqlitePath"] = Path.Combine(_folder, "jobs.db"),
            ["Blobs:DiskPath"] = Path.Combine(_folder, "blobs"),
            ["Worker:GraceSeconds"] = "1", // too short to finish what is under way
        });
        builder.Logging.ClearProviders();
        builder.Services.AddStorage(builder.Configuration).AddImageWorker(builder.Configuration);
        var host = builder.Build();
        await host.StartAsync();
        return host;
    }
}
