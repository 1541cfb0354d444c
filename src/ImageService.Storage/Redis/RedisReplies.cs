using System.Globalization;
using ImageService.Core;
using StackExchange.Redis;

namespace ImageService.Storage.Redis;

/// <summary>Reads what the scripts answer.</summary>
internal static class RedisReplies
{
    private static readonly string[] StatusNames = ["queued", "running", "succeeded", "failed", "canceled"];

    public static string Name(JobStatus status) => StatusNames[(int)status];

    /// <summary>The answer of leases.lua's <c>read</c>: nil, or the hash, the queue position, the cost ahead and what workers hold.</summary>
    public static Job? ReadJob(RedisResult reply) => reply.IsNull ? null : ReadJob(Fields(reply[0])) with
    {
        QueuePosition = reply[1].IsNull ? null : (int)reply[1],
        Load = reply[3].IsNull ? null : ReadLoad((long)reply[2], (RedisValue[])reply[3]!),
    };

    public static Job ReadJob(Dictionary<string, RedisValue> fields)
    {
        var result = fields.TryGetValue("result", out var stored) ? StorageJson.Read<JobResult>(stored.ToString()) : null;
        return new Job
        {
            Id = JobId.Parse(fields["id"].ToString()),
            Client = fields["client"].ToString(),
            Status = Status(fields["status"]),
            Request = StorageJson.Read<GenerationRequest>(fields["request"].ToString()),
            Step = (int)fields["step"],
            Steps = (int)fields["steps"],
            Images = result?.Images ?? [],
            Timings = result?.Timings,
            Warnings = result?.Warnings ?? [],
            Error = fields.TryGetValue("error", out var error) ? StorageJson.Read<JobError>(error.ToString()) : null,
            CreatedAt = Time(fields["created"]),
            StartedAt = fields.TryGetValue("started", out var started) ? Time(started) : null,
            FinishedAt = fields.TryGetValue("finished", out var finished) ? Time(finished) : null,
            Attempts = (int)fields["attempts"],
        };
    }

    /// <summary>A job as lease.lua gives it: the hash, and what a worker left behind.</summary>
    public static LeasedJob ReadLeased(RedisResult given)
    {
        var fields = Fields(given[0]);
        var job = ReadJob(fields);
        var trace = fields["trace"].ToString();
        return new LeasedJob(job, new Lease(job.Id, (long)fields["token"]), (byte[]?)given[1], trace.Length == 0 ? null : trace);
    }

    /// <summary>An entry of a job's stream; null for a preview whose picture has been dropped.</summary>
    /// <param name="last">The job's last sequence: only now is it known where the job stands.</param>
    public static JobEvent? ReadEvent(RedisResult entry, Job job, long last)
    {
        var name = entry[0].ToString();
        var sequence = long.Parse(name.AsSpan(0, name.IndexOf('-', StringComparison.Ordinal)), CultureInfo.InvariantCulture);
        var fields = Fields(entry[1]);
        var at = Time(fields["at"]);
        switch (fields["kind"].ToString())
        {
            case "progress":
                return new JobProgress(sequence, at, Status(fields["status"]), (int)fields["step"], (int)fields["steps"],
                    sequence == last ? job.QueuePosition : null, sequence == last ? job.Load : null);
            case "preview":
                return entry[2].IsNull
                    ? null
                    : new JobPreview(sequence, at, (int)fields["image"], (int)fields["step"], (int)fields["steps"], (byte[])entry[2]!,
                        fields["type"].ToString(), (int)fields["width"], (int)fields["height"]);
            case "finished":
                return new JobFinished(sequence, at, job);
            case var kind:
                throw new InvalidDataException($"Job {job.Id} has an event of the unknown kind {kind}.");
        }
    }

    /// <summary>A field of the hash of waiting jobs by picture size: <c>WIDTHxHEIGHT</c>.</summary>
    public static string Shape(GenerationRequest request) => string.Create(CultureInfo.InvariantCulture, $"{request.Width}x{request.Height}");

    public static IReadOnlyList<ShapeDepth> ReadShapes(RedisResult flat) => [.. Fields(flat).Select(field =>
    {
        var sides = field.Key.Split('x');
        return new ShapeDepth(int.Parse(sides[0], CultureInfo.InvariantCulture), int.Parse(sides[1], CultureInfo.InvariantCulture), (int)field.Value);
    })];

    public static Dictionary<string, RedisValue> Fields(RedisResult flat)
    {
        var values = (RedisValue[])flat!;
        var fields = new Dictionary<string, RedisValue>(values.Length / 2, StringComparer.Ordinal);
        for (var i = 0; i + 1 < values.Length; i += 2)
            fields[values[i].ToString()] = values[i + 1];
        return fields;
    }

    // Counters that nobody has counted in are nil, which is 0.
    private static QueueLoad ReadLoad(long ahead, RedisValue[] held) =>
        new(ahead, Math.Max(0, (long)held[0]), Math.Max(0, (long)held[1]), Math.Max(0, (int)held[2]));

    private static JobStatus Status(RedisValue name) => (JobStatus)Array.IndexOf(StatusNames, name.ToString());

    private static DateTimeOffset Time(RedisValue milliseconds) => DateTimeOffset.FromUnixTimeMilliseconds((long)milliseconds);
}
