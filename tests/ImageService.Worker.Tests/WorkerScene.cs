using System.Collections.Concurrent;
using ImageService.Core;
using ImageService.Diffusion.Denoise;
using ImageService.Hosting;
using ImageService.Testing;
using Microsoft.Extensions.Hosting.Internal;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace ImageService.Worker.Tests;

/// <summary>A worker of real parts around a fake model, queue and blob store.</summary>
internal sealed class WorkerScene : IAsyncDisposable
{
    private long _tokens;
    private readonly List<TaskCompletionSource> _gates = [];

    public WorkerScene(FakeQueue? queue = null, int maxRows = 8, int graceSeconds = 20, IJobQueue? store = null, double progressSeconds = 0)
    {
        Time = new SteppedTime(Journal);
        Queue = queue ?? new FakeQueue(Journal);
        Blobs = new FakeBlobs(Journal);
        var options = Options.Create(new WorkerOptions { GraceSeconds = graceSeconds, WorkerId = "test", ProgressSeconds = progressSeconds });
        var engineOptions = Options.Create(new EngineOptions { MaxRows = maxRows });
        // As of a large model: its hash is known once it is loaded.
        var models = new WorkerModels([Model.Info.Description with { Hash = "" }], _ => Model, "cpu");
        var pool = new ModelPool(models, 1, NullLogger<ModelPool>.Instance, Time);
        var budgets = new RowBudgets(engineOptions, models, NullLogger<RowBudgets>.Instance);
        Pace = new PaceMeter(budgets.Policy, options);
        Announcer = new ModelAnnouncer(store ?? Queue, models, Pace, options, Time, NullLogger<ModelAnnouncer>.Instance);
        Engine = new EngineThread(budgets, FakePreparation.Create(), pool, Pace, Time, NullLogger<EngineThread>.Instance);
        var format = new PictureFormat((picture, _) =>
            {
                EncodedOn.Add(Environment.CurrentManagedThreadId);
                DrawnBy.Add(picture.Model);
                return new byte[] { 1, 2, 3, (byte)picture.Index, (byte)picture.Model.Id.Length }.Concat(picture.Rgb).ToArray();
            },
            look => new Preview(look.Index, look.Step, look.Steps, new byte[] { 7 }, "image/png", look.Width, look.Height));
        var writer = new PictureWriter(Blobs, format, options, Time, NullLogger<PictureWriter>.Instance);
        var retry = new StoreRetry(Time, NullLogger<StoreRetry>.Instance);
        var services = new JobRunServices(store ?? Queue, Blobs, Engine, budgets, models, format, writer, Pace, retry, options, Time, NullLogger<JobRun>.Instance);
        Keeper = new LeaseKeeper(store ?? Queue, options, Time, NullLogger<LeaseKeeper>.Instance);
        Pump = new JobPump(store ?? Queue, services, Keeper, options, Lifetime, Exit, Time, NullLogger<JobPump>.Instance);
    }

    public Journal Journal { get; } = new();

    /// <summary>Managed ids of the threads that made files of pictures.</summary>
    public ConcurrentBag<int> EncodedOn { get; } = [];

    /// <summary>What files of pictures were told to have been drawn by.</summary>
    public ConcurrentBag<ModelDescription> DrawnBy { get; } = [];

    public FakeDiffusionModel Model { get; } = new() { RecordCalls = false };
    public SteppedTime Time { get; }
    public HostExit Exit { get; } = new();
    public ApplicationLifetime Lifetime { get; } = new(NullLogger<ApplicationLifetime>.Instance);
    public FakeQueue Queue { get; }
    public FakeBlobs Blobs { get; }
    public EngineThread Engine { get; }
    public PaceMeter Pace { get; }
    public ModelAnnouncer Announcer { get; }
    public LeaseKeeper Keeper { get; }
    public JobPump Pump { get; }

    public static GenerationRequest Request(long seed = 1, int steps = 4) => new()
    {
        Model = "fake",
        Prompt = "a red apple",
        Width = 16,
        Height = 16,
        NumInferenceSteps = steps,
        GuidanceScale = 7.5f,
        Scheduler = "euler_a",
        Seed = seed,
    };

    public LeasedJob Put(GenerationRequest request, ReadOnlyMemory<byte> state = default)
    {
        var id = JobId.New(Time);
        var job = new Job { Id = id, Request = request, Status = JobStatus.Running, CreatedAt = Time.GetUtcNow() - TimeSpan.FromSeconds(3), StartedAt = Time.GetUtcNow(), Attempts = 1 };
        var leased = new LeasedJob(job, new Lease(id, ++_tokens), state);
        Queue.Put(leased);
        return leased;
    }

    public Task StartAsync() => Pump.StartAsync(CancellationToken.None);

    /// <summary>The U-Net stops before its n-th call until the returned gate is opened; arriving there is journaled as "at the gate".</summary>
    public TaskCompletionSource GateBeforeCall(int call)
    {
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _gates.Add(gate);
        var calls = 0;
        Model.OnPredict = _ =>
        {
            Journal.Add("step");
            if (++calls != call)
                return;
            Journal.Add("at the gate");
            gate.Task.Wait();
        };
        return gate;
    }

    /// <summary>The engine has read every message sent before.</summary>
    public async Task EngineHasListened()
    {
        var stranger = new DenoiseJob(Request(), new Nobody());
        await Engine.SaveAsync(stranger);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var gate in _gates)
            gate.TrySetResult();
        using var impatient = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        await Pump.StopAsync(impatient.Token);
        await Announcer.StopAsync(impatient.Token);
        Announcer.Dispose();
        Pump.Dispose();
        Engine.Dispose();
    }

    private sealed class Nobody : IDenoiseListener
    {
        public void Progress(int step, int steps) { }
        public void Preview(PreviewLatents preview) { }
        public void Picture(DecodedPicture picture) { }
        public void Finished(DenoiseSummary summary) { }
        public void Failed(DenoiseFailure failure) { }
    }
}
