using ImageService.Benchmarks;
using ImageService.Benchmarks.Simulation;
using ImageService.Core;
using ImageService.Diffusion.Denoise;
using ImageService.Storage;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace ImageService.Worker.Tests.Estimates;

/// <summary>
/// The whole way of a job under a virtual clock: a real store, the pump's rule of leasing, the product's engine on a simulated device, the pace that the worker
/// measures and announces, and what callers are told from it.
/// </summary>
internal sealed class SimulatedQueue : IDisposable
{
    private const int MaxRows = 16;
    private readonly string _folder = Directory.CreateTempSubdirectory("imageservice-estimates-").FullName;
    private readonly VirtualTime _time = new();
    private readonly ServiceProvider _storage;
    private readonly IJobStore _store;
    private readonly IJobQueue _queue;
    private readonly SimulatedLane _lane;
    private readonly SimulatedDevice _device;
    private readonly DenoiseEngine _engine;
    private readonly PaceMeter _pace;
    private readonly WorkerOptions _worker = new() { WorkerId = "simulated" };
    private readonly List<Followed> _held = [];
    private readonly Dictionary<JobId, Followed> _jobs = [];
    private long _busySince;
    private double _announcedAt = double.NegativeInfinity;

    public SimulatedQueue(DeviceCosts costs)
    {
        var settings = new Dictionary<string, string?>
        {
            ["Jobs:SqlitePath"] = Path.Combine(_folder, "jobs.db"),
            ["Blobs:DiskPath"] = Path.Combine(_folder, "blobs"),
        };
        _storage = new ServiceCollection().AddLogging().AddSingleton<TimeProvider>(_time)
            .AddStorage(new ConfigurationBuilder().AddInMemoryCollection(settings).Build()).BuildServiceProvider();
        (_store, _queue) = (_storage.GetRequiredService<IJobStore>(), _storage.GetRequiredService<IJobQueue>());
        _lane = new SimulatedLane(_time);
        _device = new SimulatedDevice(costs, _lane);
        var policy = new RowPolicy { Budget = _ => MaxRows, Sizes = RowPolicy.DeviceSizes };
        _engine = new DenoiseEngine(policy, Simulator.Preparation(_device), _device, _time, _lane);
        _pace = new PaceMeter(policy, Options.Create(_worker));
    }

    /// <summary>Runs until the last of them has ended.</summary>
    /// <param name="arrivals">In order of time.</param>
    /// <returns>In the same order.</returns>
    public async Task<IReadOnlyList<Followed>> RunAsync(IReadOnlyList<TimedRequest> arrivals)
    {
        var followed = new List<Followed>();
        while (followed.Count < arrivals.Count || _jobs.Values.Any(j => j.FinishedAt is null))
        {
            if (_held.Count == 0 && followed.Count < arrivals.Count)
                _time.AdvanceTo(arrivals[followed.Count].At);
            await AnnounceAsync();
            while (followed.Count < arrivals.Count && _time.HasReached(arrivals[followed.Count].At))
                followed.Add(await SubmitAsync(arrivals[followed.Count]));
            await LeaseAsync();
            if (!_engine.HasWork)
                continue;
            _lane.Deliver();
            _busySince = _engine.Draws ? _busySince : _time.GetTimestamp();
            var turn = _engine.Turn();
            _pace.Turned(turn, _time.GetElapsedTime(_busySince).TotalSeconds);
            _busySince = _time.GetTimestamp();
            if (!turn.Worked)
                _lane.WorkAlone(until: followed.Count < arrivals.Count ? arrivals[followed.Count].At : double.PositiveInfinity);
            foreach (var job in _held.ToList())
                await ReportAsync(job);
        }
        return followed;
    }

    public void Dispose()
    {
        _device.Dispose();
        _storage.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task AnnounceAsync()
    {
        if (_time.Seconds - _announcedAt < WorkerPace.Lifetime.TotalSeconds / 4)
            return;
        _announcedAt = _time.Seconds;
        await _queue.AnnounceAsync([_device.Info.Description], _pace.Read(), default);
    }

    private async Task<Followed> SubmitAsync(TimedRequest arrival)
    {
        var request = new SimulatedJob(arrival, _time).ToDenoiseJob().Request;
        var accepted = (await _store.SubmitAsync(new JobSubmission(JobId.New(_time), request, arrival.Client), default)).Job!;
        return _jobs[accepted.Id] = new Followed(_time.GetUtcNow(), await TellAsync(accepted));
    }

    private async Task<JobTimes> TellAsync(Job job) =>
        WaitEstimate.For(job.Request.Model, await _store.ListPacesAsync(default))?.Of(job, _time.GetUtcNow()) ?? default;

    // As JobPump does it.
    private async Task LeaseAsync()
    {
        while (MaxRows + _worker.LookAheadRows - _held.Sum(j => RequestCost.AllRows(j.Leased!.Job.Request)) is > 0 and var free)
        {
            var leased = await _queue.LeaseAsync(new LeaseRequest(Math.Max(1, free / 2), _worker.Id, TimeSpan.FromDays(1), [SimulatedDevice.ModelId]), default);
            foreach (var job in leased)
                Start(_jobs[job.Job.Id], job);
            if (leased.Count == 0)
                return;
        }
    }

    private void Start(Followed job, LeasedJob leased)
    {
        (job.Leased, job.StartedAt) = (leased, _time.GetUtcNow());
        _held.Add(job);
        _engine.Add(new DenoiseJob(leased.Job.Request, job) { Client = leased.Job.Client });
    }

    private async Task ReportAsync(Followed job)
    {
        var lease = job.Leased!.Lease;
        if (job.Summary is not null)
        {
            await _queue.CompleteAsync(lease, new JobResult([], new JobTimings(0, 0, 0, 0, 0, 0, 0), []), default);
            job.FinishedAt = _time.GetUtcNow();
            _pace.Ended(SimulatedDevice.ModelId, (job.FinishedAt.Value - job.LastStepAt).TotalSeconds);
            _held.Remove(job);
            return;
        }
        if (job.Reported == job.Step)
            return;
        job.Reported = job.Step;
        job.LastStepAt = _time.GetUtcNow();
        await _queue.PublishProgressAsync(lease, job.Step, job.Steps, default);
        if (job.Step == job.Steps / 2)
            job.ToldHalfWay = (_time.GetUtcNow(), (await TellAsync((await _store.GetAsync(lease.Id, default))!)).FinishAt);
    }

    /// <summary>A job, what its caller was told, and what came.</summary>
    /// <param name="Told">When it was accepted.</param>
    internal sealed record Followed(DateTimeOffset AcceptedAt, JobTimes Told) : IDenoiseListener
    {
        public LeasedJob? Leased { get; set; }
        public DateTimeOffset? StartedAt { get; set; }
        public DateTimeOffset? FinishedAt { get; set; }
        public (DateTimeOffset At, DateTimeOffset? FinishAt) ToldHalfWay { get; set; }
        public DateTimeOffset LastStepAt { get; set; }
        public int Reported { get; set; }
        public int Step { get; private set; }
        public int Steps { get; private set; }
        public DenoiseSummary? Summary { get; private set; }

        public void Progress(int step, int steps) => (Step, Steps) = (step, steps);
        public void Preview(PreviewLatents preview) { }
        public void Picture(DecodedPicture picture) { }
        public void Finished(DenoiseSummary summary) => Summary = summary;
        public void Failed(DenoiseFailure failure) => throw new InvalidOperationException(failure.Message, failure.Cause);
    }
}
