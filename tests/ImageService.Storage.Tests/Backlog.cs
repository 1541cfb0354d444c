using System.Collections.Concurrent;
using System.Diagnostics;
using ImageService.Core;
using ImageService.Storage.Tests.Contracts;

namespace ImageService.Storage.Tests;

/// <summary>A long line of jobs of many clients, models, sizes and priorities, and who is served of it.</summary>
internal sealed class Backlog(JobPlace place, int clients)
{
    private const int Callers = 64;
    private static readonly string[] Models = ["starter", "other"];
    private static readonly int[] Sides = [256, 512, 768];
    private readonly ConcurrentDictionary<JobId, GenerationRequest> waiting = [];
    private readonly Dictionary<string, long> served = [];
    private int submitted;

    public static GenerationRequest Request(int number) => JobStoreContract.Request(Models[number / 7 % 2], priority: number / 3 % 3) with
    {
        Width = Sides[number / 11 % 3],
        Height = Sides[number / 13 % 3],
        NumInferenceSteps = 10 + (number % 4 * 10),
    };

    public async Task SubmitAsync(int jobs, CancellationToken stop) =>
        await Parallel.ForEachAsync(Next(jobs), new ParallelOptions { MaxDegreeOfParallelism = Callers, CancellationToken = stop },
            async (submission, _) => Assert.Equal(SubmitOutcome.Accepted, (await place.Store.SubmitAsync(submission, stop)).Outcome));

    /// <summary>The next jobs, for who writes them into a store; they count as waiting.</summary>
    public IEnumerable<JobSubmission> Next(int jobs)
    {
        for (var last = submitted + jobs; submitted < last; submitted++)
        {
            var submission = new JobSubmission(JobId.New(TimeProvider.System), Request(submitted), $"client-{submitted % clients:D4}");
            waiting[submission.Id] = submission.Request;
            yield return submission;
        }
    }

    public List<JobId> Waiting(int jobs) => [.. waiting.Keys.Take(jobs)];

    public async Task CancelAsync(int jobs, CancellationToken stop)
    {
        foreach (var id in Waiting(jobs))
        {
            Assert.Equal(JobStatus.Canceled, (await place.Store.CancelAsync(id, stop))!.Status);
            waiting.Remove(id, out _);
        }
    }

    /// <summary>Leases and completes one job after the other, and checks that each was its client's turn and its client's next.</summary>
    /// <returns>A line with the latency of the leases.</returns>
    public async Task<string> ServeAsync(int jobs, CancellationToken stop)
    {
        // Who has been served little goes first: never by more than what two jobs may cost.
        var (most, latencies) = (2 * RequestCost.Of(Request(3) with { Width = Sides[^1], Height = Sides[^1], NumInferenceSteps = 40 }), new double[jobs]);
        served.Clear();
        for (var i = 0; i < jobs; i++)
        {
            var begun = Stopwatch.GetTimestamp();
            var leased = Assert.Single(await place.Queue.LeaseAsync(new LeaseRequest(1, "w", TimeSpan.FromHours(1), Models), stop));
            latencies[i] = Stopwatch.GetElapsedTime(begun).TotalMilliseconds;
            Assert.True(await place.Queue.CompleteAsync(leased.Lease, JobStoreContract.Result(leased.Lease), stop));
            Assert.True(waiting.Remove(leased.Job.Id, out var request));
            Assert.Equal(request, leased.Job.Request);
            served[leased.Job.Client] = served.GetValueOrDefault(leased.Job.Client) + RequestCost.Of(request);
        }
        Assert.InRange(served.Values.Max() - (served.Count < clients ? 0 : served.Values.Min()), 0, most);
        Array.Sort(latencies);
        return $"{jobs} leases with {waiting.Count} jobs waiting: p50 {latencies[jobs / 2]:0.00} ms, p99 {latencies[jobs * 99 / 100]:0.00} ms";
    }

    public async Task CheckCountsAsync(CancellationToken stop)
    {
        Assert.Equal(new QueueDepth(waiting.Count, 0), await place.Store.DepthAsync(stop));
        var shapes = waiting.Values.GroupBy(r => (r.Width, r.Height)).Select(g => new ShapeDepth(g.Key.Width, g.Key.Height, g.Count()));
        Assert.Equal(shapes.OrderBy(s => (s.Width, s.Height)), (await place.Store.ShapesAsync(stop)).OrderBy(s => (s.Width, s.Height)));
    }
}
