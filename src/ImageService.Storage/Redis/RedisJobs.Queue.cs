using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using ImageService.Core;
using ImageService.Storage.Telemetry;
using StackExchange.Redis;

namespace ImageService.Storage.Redis;

internal sealed partial class RedisJobs
{
    private readonly ConcurrentDictionary<Channel<JobId>, bool> cancellationReaders = new();
    private readonly ConcurrentQueue<string> unanswered = new(); // names of calls for leases
    private long workAnnounced;
    private long workSeen;

    public async Task<IReadOnlyList<LeasedJob>> LeaseAsync(LeaseRequest request, CancellationToken cancellationToken)
    {
        Interlocked.Exchange(ref workSeen, Interlocked.Read(ref workAnnounced));
        // A server that hangs runs calls later, when nobody waits for the answer any more: the next one asks again by the same name for what that one got.
        if (!unanswered.TryDequeue(out var call))
            call = Guid.NewGuid().ToString("n");
        RedisResult reply;
        try
        {
            RedisValue[] arguments =
                [request.Max, request.WorkerId, (long)request.Duration.TotalMilliseconds, call, .. request.Models.Select(m => (RedisValue)m)];
            reply = await scripts.RunAsync(LeaseScript, cancellationToken, arguments);
        }
        catch
        {
            unanswered.Enqueue(call);
            throw;
        }
        CountExhausted((int)reply[1]);
        return Array.ConvertAll((RedisResult[])reply[0]!, RedisReplies.ReadLeased);
    }

    public async Task WaitForWorkAsync(CancellationToken cancellationToken)
    {
        using var work = signals.Subscribe(Signals.Work);
        // What came after the last look must not be slept through.
        if (Interlocked.Read(ref workAnnounced) == Interlocked.Read(ref workSeen))
            await work.WaitAsync(cancellationToken);
    }

    public async Task<IReadOnlyList<LostLease>> RenewAsync(IReadOnlyCollection<Lease> held, TimeSpan duration, CancellationToken cancellationToken)
    {
        var leases = held.ToArray();
        RedisValue[] arguments = [(long)duration.TotalMilliseconds, .. leases.SelectMany(l => new RedisValue[] { l.Id.Value, l.Token })];
        var lost = (RedisResult[])(await scripts.RunAsync(RenewScript, cancellationToken, arguments))!;
        return Array.ConvertAll(lost, one => new LostLease(leases[(int)one[0]], one[1].ToString() == RedisReplies.Name(JobStatus.Canceled)));
    }

    public async IAsyncEnumerable<JobId> CancellationsAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        // A worker that has stopped reading must not fill the memory: renewing tells it what it missed.
        var channel = Channel.CreateBounded<JobId>(new BoundedChannelOptions(10_000) { FullMode = BoundedChannelFullMode.DropOldest });
        cancellationReaders.TryAdd(channel, true);
        try
        {
            await foreach (var id in channel.Reader.ReadAllAsync(cancellationToken))
                yield return id;
        }
        finally
        {
            cancellationReaders.TryRemove(channel, out _);
        }
    }

    public Task<bool> PublishProgressAsync(Lease lease, int step, int steps, CancellationToken cancellationToken) =>
        WriteAsync(ProgressScript, cancellationToken, lease.Id.Value, lease.Token, step, steps);

    public Task<bool> PublishPreviewAsync(Lease lease, Preview preview, CancellationToken cancellationToken) =>
        WriteAsync(PreviewScript, cancellationToken, lease.Id.Value, lease.Token, preview.Index, preview.Step, preview.Steps, preview.Content,
            preview.ContentType, preview.Width, preview.Height);

    public Task<bool> CompleteAsync(Lease lease, JobResult result, CancellationToken cancellationToken) =>
        WriteAsync(CompleteScript, cancellationToken, lease.Id.Value, lease.Token, StorageJson.Write(result));

    public Task<bool> FailAsync(Lease lease, JobError error, bool retry, CancellationToken cancellationToken) =>
        WriteAsync(FailScript, cancellationToken, lease.Id.Value, lease.Token, StorageJson.Write(error), retry ? "1" : "0");

    public Task<bool> ReleaseAsync(Lease lease, ReadOnlyMemory<byte> state, CancellationToken cancellationToken) =>
        WriteAsync(ReleaseScript, cancellationToken, lease.Id.Value, lease.Token, state);

    public Task AnnounceAsync(IReadOnlyList<ModelDescription> models, WorkerPace pace, CancellationToken cancellationToken) =>
        scripts.RunAsync(AnnounceScript, cancellationToken,
            [ModelLifetime, PaceLifetime, pace.WorkerId, pace.Models.Count == 0 ? "" : StorageJson.Write(pace),
            .. models.SelectMany(m => new RedisValue[] { m.Id, StorageJson.Write(m) })]);

    // Jobs that ended because their attempts were used up: no worker reports those.
    private static void CountExhausted(int jobs)
    {
        for (var i = 0; i < jobs; i++)
            StorageTelemetry.Finished(JobStatus.Failed);
    }

    // Every script for a worker's write begins by comparing the token: 0 = no longer its job, nothing changed.
    private async Task<bool> WriteAsync(string script, CancellationToken cancellationToken, params RedisValue[] arguments) =>
        (bool)await scripts.RunAsync(script, cancellationToken, arguments);

    // "work", or the id of a running job that was canceled.
    private void OnWake(string message)
    {
        if (message == Signals.Work)
        {
            Interlocked.Increment(ref workAnnounced);
            signals.Raise(Signals.Work);
        }
        else if (JobId.TryParse(message, out var id))
        {
            foreach (var reader in cancellationReaders.Keys)
                reader.Writer.TryWrite(id);
        }
    }
}
