using ImageService.Core;

namespace ImageService.Storage.Tests.Contracts;

/// <summary>The queue in the plainest words there are: what every store must agree with.</summary>
internal sealed class QueueModel
{
    private readonly SortedDictionary<string, long> tags = new(StringComparer.Ordinal); // of everyone ever served
    private readonly SortedDictionary<string, long> ring = new(StringComparer.Ordinal);
    private long virtualTime;
    private long joined;

    public List<Entry> Jobs { get; } = [];

    public sealed class Entry
    {
        public required JobId Id { get; init; }
        public required string Client { get; init; }
        public required string Model { get; init; }
        public required int Priority { get; init; }
        public required long Cost { get; init; }
        public required int Rows { get; init; }
        public JobStatus Status { get; set; } = JobStatus.Queued;
        public int Attempts { get; set; }
        public long Token { get; set; }
        public int Step { get; set; }
        public byte[] State { get; set; } = [];
        public long Events { get; set; } = 1;
        public bool IsFinal => Status >= JobStatus.Succeeded;
    }

    public Entry Submit(JobSubmission submission)
    {
        var job = new Entry
        {
            Id = submission.Id,
            Client = submission.Client,
            Model = submission.Request.Model,
            Priority = submission.Request.Priority,
            Cost = RequestCost.Of(submission.Request),
            Rows = RequestCost.AllRows(submission.Request),
        };
        Jobs.Add(job);
        Join(job.Client);
        return job;
    }

    public List<Entry> Lease(int max, params string[] models)
    {
        var leased = new List<Entry>();
        while (leased.Count < max && Next(Jobs, ring, models) is { } job)
        {
            var waiting = ring.Count;
            virtualTime = Math.Max(virtualTime, ring[job.Client]) + (waiting > 1 ? job.Cost / waiting : 0);
            tags[job.Client] = ring[job.Client] += job.Cost;
            (job.Status, job.Attempts) = (JobStatus.Running, job.Attempts + 1);
            job.Token++;
            job.Events++;
            Leave(job.Client);
            leased.Add(job);
        }
        return leased;
    }

    /// <summary>What workers hold: cost, what is left of it where a job has <paramref name="steps"/> steps, and rows.</summary>
    public (long Cost, long Left, int Rows) Held(int steps)
    {
        var running = Jobs.Where(j => j.Status == JobStatus.Running).ToList();
        return (running.Sum(j => j.Cost), running.Sum(j => j.Cost - (j.Cost * j.Step / steps)), running.Sum(j => j.Rows));
    }

    public bool IsHeld(Lease lease) => Find(lease.Id) is { Status: JobStatus.Running } job && job.Token == lease.Token;

    public Entry? Find(JobId id) => Jobs.Find(j => j.Id == id);

    public void End(Entry job, JobStatus status)
    {
        (job.Status, job.State) = (status, []);
        job.Events++;
        Leave(job.Client);
    }

    public void Requeue(Entry job, bool countAttempt, byte[] state)
    {
        job.Status = JobStatus.Queued;
        job.Attempts -= countAttempt ? 0 : 1;
        job.State = state;
        job.Step = state.Length == 0 ? 0 : job.Step;
        job.Events++;
        Join(job.Client);
    }

    public void Retry(Entry job)
    {
        if (job.Attempts < 3)
            Requeue(job, countAttempt: true, []);
        else
            End(job, JobStatus.Failed);
    }

    /// <summary>Found by serving everybody who waits.</summary>
    public int PositionOf(Entry job)
    {
        var waiting = Jobs.Where(j => j.Status == JobStatus.Queued).ToList();
        var order = new SortedDictionary<string, long>(ring, StringComparer.Ordinal);
        for (var served = 0; ; served++)
        {
            var next = Next(waiting, order, null)!;
            if (next == job)
                return served;
            waiting.Remove(next);
            order[next.Client] += next.Cost;
        }
    }

    private static Entry? Next(List<Entry> jobs, SortedDictionary<string, long> ring, string[]? models)
    {
        foreach (var (client, _) in ring.OrderBy(c => c.Value)) // stable: by name among equals
        {
            var job = jobs.Where(j => j.Status == JobStatus.Queued && j.Client == client && (models is null || models.Contains(j.Model)))
                .OrderByDescending(j => j.Priority).FirstOrDefault(); // stable: the older first
            if (job is not null)
                return job;
        }
        return null;
    }

    private void Join(string client)
    {
        if (ring.ContainsKey(client))
            return;
        joined = Math.Max(virtualTime, joined + 1);
        ring[client] = Math.Max(joined, tags.GetValueOrDefault(client));
    }

    private void Leave(string client)
    {
        if (!Jobs.Any(j => j.Status == JobStatus.Queued && j.Client == client))
            ring.Remove(client);
    }
}
