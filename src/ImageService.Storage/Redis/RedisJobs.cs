using System.Runtime.CompilerServices;
using ImageService.Core;
using StackExchange.Redis;

namespace ImageService.Storage.Redis;

/// <summary>
/// Jobs in Redis: the store of many machines. Sorted sets and hashes moved by Lua scripts (Scripts/), the server's clock, a fencing token a
/// lease; pub/sub only wakes those who wait, who look again every second anyway. The worker's side stands in RedisJobs.Queue.cs.
/// </summary>
internal sealed partial class RedisJobs : IJobStore, IJobQueue, IJobRetention, IDisposable
{
    private const long DayMilliseconds = 24 * 60 * 60 * 1000;
    private const long ModelLifetime = 7 * DayMilliseconds;
    private static readonly long PaceLifetime = (long)WorkerPace.Lifetime.TotalMilliseconds;
    private const int EventsARead = 100;

    private readonly ConnectionMultiplexer connection;
    private readonly string prefix;
    private readonly RedisScripts scripts;
    private readonly int maxQueued;
    private readonly TimeSpan retention;
    private readonly Signals signals = new();

    public RedisJobs(RedisOptions redis, JobsOptions jobs, QueueLimitsOptions limits)
    {
        maxQueued = limits.MaxQueuedJobs;
        retention = TimeSpan.FromHours(jobs.RetentionHours);
        prefix = redis.KeyPrefix + ":";
        connection = ConnectionMultiplexer.Connect(RedisConnection.Parse(redis));
        scripts = new RedisScripts(connection, prefix);
        // The client subscribes again after every reconnection; where there is no server yet, this must not wait for one.
        connection.GetSubscriber().Subscribe(RedisChannel.Literal(prefix + "wake"), (_, message) => OnWake(message.ToString()),
            connection.IsConnected ? CommandFlags.None : CommandFlags.FireAndForget);
    }

    public async Task<SubmitResult> SubmitAsync(JobSubmission submission, CancellationToken cancellationToken)
    {
        var reply = await scripts.RunAsync(SubmitScript, cancellationToken, submission.Id.Value, submission.Client, submission.Request.Model,
            submission.Request.Priority, StorageJson.Write(submission.Request), submission.TraceParent ?? "", submission.IdempotencyKey ?? "",
            submission.Fingerprint ?? "", maxQueued, DayMilliseconds, RequestCost.Of(submission.Request), RedisReplies.Shape(submission.Request),
            RequestCost.AllRows(submission.Request));
        var outcome = reply[0].ToString() switch
        {
            "accepted" => SubmitOutcome.Accepted,
            "replayed" => SubmitOutcome.Replayed,
            "reused" => SubmitOutcome.KeyReused,
            _ => SubmitOutcome.QueueFull,
        };
        var waiting = outcome == SubmitOutcome.QueueFull ? (long)reply[4] : 0;
        return new SubmitResult(outcome, RedisReplies.ReadJob(reply[3]), new QueueDepth((int)reply[1], (int)reply[2]), waiting);
    }

    public async Task<Job?> GetAsync(JobId id, CancellationToken cancellationToken) =>
        RedisReplies.ReadJob(await scripts.RunAsync(GetScript, cancellationToken, id.Value));

    public async Task<bool> WasRemovedAsync(JobId id, CancellationToken cancellationToken) =>
        (bool)await scripts.RunAsync(WasRemovedScript, cancellationToken, id.Value);

    public async Task<JobPage> ListAsync(JobQuery query, CancellationToken cancellationToken)
    {
        var jobs = new List<Job>();
        var before = query.Before?.Value ?? "k"; // every id begins with "job_"
        while (true)
        {
            var reply = await scripts.RunAsync(ListScript, cancellationToken, before, query.Limit + 1 - jobs.Count,
                query.Status is { } status ? RedisReplies.Name(status) : "", query.Client is null ? "0" : "1", query.Client ?? "");
            jobs.AddRange(((RedisResult[])reply[0]!).Select(fields => RedisReplies.ReadJob(RedisReplies.Fields(fields))));
            if (jobs.Count > query.Limit)
                return new JobPage(jobs[..query.Limit], jobs[query.Limit - 1].Id);
            if (reply[1].IsNull)
                return new JobPage(jobs, null);
            before = reply[1].ToString();
        }
    }

    public async Task<Job?> CancelAsync(JobId id, CancellationToken cancellationToken) =>
        RedisReplies.ReadJob(await scripts.RunAsync(CancelScript, cancellationToken, id.Value));

    public async IAsyncEnumerable<JobEvent> WatchAsync(JobId id, long afterSequence, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var changed = signals.Subscribe(id.Value);
        ChannelMessageQueue? wakeUps = null;
        try
        {
            while (true)
            {
                var reply = await scripts.RunAsync(WatchScript, cancellationToken, id.Value, afterSequence, EventsARead);
                if (reply.IsNull)
                    yield break;
                var job = RedisReplies.ReadJob(reply[0])!;
                var entries = (RedisResult[])reply[2]!;
                foreach (var entry in entries)
                {
                    var name = entry[0].ToString();
                    afterSequence = long.Parse(name.AsSpan(0, name.IndexOf('-', StringComparison.Ordinal)));
                    if (RedisReplies.ReadEvent(entry, job, (long)reply[1]) is not { } one)
                        continue;
                    yield return one;
                    if (one is JobFinished)
                        yield break;
                }
                if (entries.Length == EventsARead)
                    continue;
                if (job.IsFinal)
                    yield break;
                // Subscribed after the first look, so that reading the log of an ended job costs no subscription; what happens in between is
                // found by the look after the subscription.
                if (wakeUps is null)
                    wakeUps = await ListenAsync(id);
                else
                    await changed.WaitAsync(cancellationToken);
            }
        }
        finally
        {
            if (wakeUps is not null)
                await wakeUps.UnsubscribeAsync(CommandFlags.FireAndForget);
        }
    }

    public async Task<IReadOnlyList<ModelDescription>> ListModelsAsync(CancellationToken cancellationToken)
    {
        var descriptions = await AnnouncedAsync<ModelDescription>("models", ModelLifetime, cancellationToken);
        return [.. descriptions.OrderBy(m => m.Id, StringComparer.Ordinal)];
    }

    public async Task<IReadOnlyList<WorkerPace>> ListPacesAsync(CancellationToken cancellationToken)
    {
        var paces = await AnnouncedAsync<WorkerPace>("paces", PaceLifetime, cancellationToken);
        return [.. paces.OrderBy(p => p.WorkerId, StringComparer.Ordinal)];
    }

    public async Task<QueueDepth> DepthAsync(CancellationToken cancellationToken)
    {
        var reply = (int[])(await scripts.RunAsync(DepthScript, cancellationToken))!;
        return new QueueDepth(reply[0], reply[1]);
    }

    public async Task<int> WaitingAsync(string client, CancellationToken cancellationToken) =>
        (int)await scripts.RunAsync(WaitingScript, cancellationToken, client);

    public async Task<IReadOnlyList<ShapeDepth>> ShapesAsync(CancellationToken cancellationToken) =>
        RedisReplies.ReadShapes(await scripts.RunAsync(ShapesScript, cancellationToken));

    public async Task ReturnExpiredLeasesAsync(CancellationToken cancellationToken) =>
        CountExhausted((int)await scripts.RunAsync(ExpireScript, cancellationToken));

    public async Task<IReadOnlyList<JobId>> RemoveOldAsync(int max, CancellationToken cancellationToken)
    {
        var ids = (string[])(await scripts.RunAsync(RemoveScript, cancellationToken, (long)retention.TotalMilliseconds, max, DayMilliseconds / 1000))!;
        return [.. ids.Select(JobId.Parse)];
    }

    public void Dispose() => connection.Dispose();

    private async Task<IEnumerable<T>> AnnouncedAsync<T>(string kind, long lifetime, CancellationToken cancellationToken) =>
        ((string[])(await scripts.RunAsync(AnnouncedScript, cancellationToken, kind, lifetime))!).Select(StorageJson.Read<T>);

    private async Task<ChannelMessageQueue> ListenAsync(JobId id)
    {
        try
        {
            var queue = await connection.GetSubscriber().SubscribeAsync(RedisChannel.Literal(prefix + "changed:" + id.Value));
            queue.OnMessage(_ => signals.Raise(id.Value));
            return queue;
        }
        catch (Exception e) when (e is RedisConnectionException or RedisTimeoutException)
        {
            throw new StoreUnavailableException($"Redis cannot be used now: {e.Message}", e);
        }
    }
}
