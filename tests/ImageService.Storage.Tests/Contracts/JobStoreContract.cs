using ImageService.Core;

namespace ImageService.Storage.Tests.Contracts;

/// <summary>What holds for every job store. A store inherits it with one class that opens a place; the facts are parted by subject.</summary>
public abstract partial class JobStoreContract : IAsyncLifetime
{
    private const string Model = "starter";
    private static readonly TimeSpan Long = TimeSpan.FromHours(1);
    private static readonly JobError Broken = new("model_failed", "The model broke.");
    private readonly List<JobPlace> opened = [];
    private JobPlace place = null!;

    private IJobStore Store => place.Store;
    private IJobQueue Queue => place.Queue;
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private protected abstract Task<JobPlace> OpenAsync(int maxQueuedJobs);

    public async ValueTask InitializeAsync() => place = await OpenWithLimitAsync(100_000);

    public async ValueTask DisposeAsync()
    {
        foreach (var one in opened)
            await one.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    private async Task<JobPlace> OpenWithLimitAsync(int maxQueuedJobs)
    {
        var one = await OpenAsync(maxQueuedJobs);
        opened.Add(one);
        return one;
    }

    internal static GenerationRequest Request(string model = Model, int priority = 0, string prompt = "a red apple") => new()
    {
        Model = model,
        Prompt = prompt,
        Width = 256,
        Height = 256,
        NumInferenceSteps = 20,
        GuidanceScale = 7.5f,
        Scheduler = "euler",
        Seed = 42,
        Priority = priority,
    };

    internal static JobSubmission Submission(string client = "", string model = Model, int priority = 0, string? key = null, string? fingerprint = null,
        int images = 1) => new(JobId.New(TimeProvider.System), Request(model, priority) with { NumImages = images }, client, key, fingerprint);

    internal static JobResult Result(Lease lease) => new(
        [new GeneratedImage(0, 42, BlobNames.Image(lease, 0), new string('a', 64), 1234, 256, 256)],
        new JobTimings(0.5, 0.6, 0.1, 2.5, 0.4, 0.05, 40), ["The prompt was cut at 77 tokens."]);

    private async Task<JobId> SubmitAsync(string client = "", string model = Model, int priority = 0, int images = 1)
    {
        var result = await Store.SubmitAsync(Submission(client, model, priority, images: images), Stop);
        Assert.Equal(SubmitOutcome.Accepted, result.Outcome);
        return result.Job!.Id;
    }

    private Task<IReadOnlyList<LeasedJob>> LeaseAsync(int max = 1, params string[] models) =>
        Queue.LeaseAsync(new LeaseRequest(max, "worker-1", Long, models.Length == 0 ? [Model] : models), Stop);

    private async Task<LeasedJob> LeaseOneAsync() => Assert.Single(await LeaseAsync());

    private async Task<LeasedJob> SubmitAndLeaseAsync()
    {
        await SubmitAsync();
        return await LeaseOneAsync();
    }

    private async Task<Job> GetAsync(JobId id) => (await Store.GetAsync(id, Stop))!;

    /// <summary>The whole log of a job that has ended.</summary>
    private async Task<List<JobEvent>> LogAsync(JobId id, long after = 0)
    {
        var log = new List<JobEvent>();
        await foreach (var one in Store.WatchAsync(id, after, Stop))
            log.Add(one);
        return log;
    }
}
