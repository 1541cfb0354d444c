using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using ImageService.Core;

namespace ImageService.Worker.Tests;

/// <summary>A queue in memory that writes all it is told into the journal and refuses what the test wants refused.</summary>
internal sealed class FakeQueue(Journal journal) : IJobQueue
{
    private readonly Channel<LeasedJob> _waiting = Channel.CreateUnbounded<LeasedJob>();
    private readonly Channel<JobId> _cancellations = Channel.CreateUnbounded<JobId>();
    private readonly ConcurrentDictionary<Lease, bool> _gone = new();
    private int _outages;

    public ConcurrentQueue<JobResult> Results { get; } = new();
    public ConcurrentQueue<JobError> Errors { get; } = new();
    public ConcurrentQueue<(Lease Lease, byte[] State)> Released { get; } = new();
    public ConcurrentQueue<Preview> Previews { get; } = new();
    public ConcurrentQueue<LeaseRequest> Asked { get; } = new();
    public ConcurrentQueue<WorkerPace> Paces { get; } = new();

    /// <summary>Progress writes wait for this.</summary>
    public TaskCompletionSource? ProgressGate { get; set; }

    public void Put(LeasedJob job) => _waiting.Writer.TryWrite(job);

    public void Cancel(JobId id) => _cancellations.Writer.TryWrite(id);

    /// <summary>The lease belongs to nobody here any more; renewals say so.</summary>
    public void TakeAway(Lease lease) => _gone[lease] = true;

    /// <summary>The next calls that end or hand back a job throw.</summary>
    public void FailNextCalls(int count) => _outages = count;

    public Task<IReadOnlyList<LeasedJob>> LeaseAsync(LeaseRequest request, CancellationToken cancellationToken)
    {
        Asked.Enqueue(request);
        var jobs = new List<LeasedJob>();
        while (jobs.Count < request.Max && _waiting.Reader.TryRead(out var job))
        {
            journal.Add($"leased {job.Lease.Token}");
            jobs.Add(job);
        }
        return Task.FromResult<IReadOnlyList<LeasedJob>>(jobs);
    }

    public async Task WaitForWorkAsync(CancellationToken cancellationToken) => await _waiting.Reader.WaitToReadAsync(cancellationToken);

    public Task<IReadOnlyList<LostLease>> RenewAsync(IReadOnlyCollection<Lease> held, TimeSpan duration, CancellationToken cancellationToken)
    {
        journal.Add($"renewed {string.Join(' ', held.Select(l => l.Token))} for {duration.TotalSeconds} s");
        return Task.FromResult<IReadOnlyList<LostLease>>([.. held.Where(_gone.ContainsKey).Select(l => new LostLease(l, Canceled: false))]);
    }

    public async IAsyncEnumerable<JobId> CancellationsAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var id in _cancellations.Reader.ReadAllAsync(cancellationToken))
            yield return id;
    }

    public async Task<bool> PublishProgressAsync(Lease lease, int step, int steps, CancellationToken cancellationToken)
    {
        journal.Add($"progress {lease.Token} {step}/{steps}");
        if (ProgressGate is { } gate)
            await gate.Task.WaitAsync(cancellationToken);
        return !_gone.ContainsKey(lease);
    }

    public Task<bool> PublishPreviewAsync(Lease lease, Preview preview, CancellationToken cancellationToken)
    {
        Previews.Enqueue(preview);
        journal.Add($"preview {lease.Token} {preview.Step}/{preview.Steps}");
        return Task.FromResult(true);
    }

    public Task<bool> CompleteAsync(Lease lease, JobResult result, CancellationToken cancellationToken)
    {
        Answer();
        Results.Enqueue(result);
        journal.Add($"complete {lease.Token}");
        return Task.FromResult(!_gone.ContainsKey(lease));
    }

    public Task<bool> FailAsync(Lease lease, JobError error, bool retry, CancellationToken cancellationToken)
    {
        Answer();
        Errors.Enqueue(error);
        journal.Add($"fail {lease.Token} {error.Code} retry={retry}");
        return Task.FromResult(true);
    }

    public Task<bool> ReleaseAsync(Lease lease, ReadOnlyMemory<byte> state, CancellationToken cancellationToken)
    {
        Answer();
        Released.Enqueue((lease, state.ToArray()));
        journal.Add($"release {lease.Token}");
        return Task.FromResult(true);
    }

    public Task AnnounceAsync(IReadOnlyList<ModelDescription> models, WorkerPace pace, CancellationToken cancellationToken)
    {
        Answer();
        Paces.Enqueue(pace);
        journal.Add($"announce {string.Join(' ', models.Select(m => m.Id))} by {pace.WorkerId}, measured: {string.Join(' ', pace.Models.Select(m => m.Model))}");
        return Task.CompletedTask;
    }

    private void Answer()
    {
        if (Interlocked.Decrement(ref _outages) < 0)
            return;
        journal.Add("outage");
        throw new StoreUnavailableException("The store is down.");
    }
}
