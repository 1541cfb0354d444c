using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using ImageService.EndToEnd.Tests;

namespace ImageService.Chaos.Tests;

[Collection(Cluster.OneAtATime)]
public sealed class OutageTests(ITestOutputHelper output)
{
    private static readonly TimeSpan Outage = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan RecoveryLimit = TimeSpan.FromSeconds(5);

    [Theory]
    [InlineData(true)] // the process is gone: connections are refused
    [InlineData(false)] // it hangs: connections stay and nothing answers
    public async Task Without_Redis_callers_get_503_at_once_and_afterwards_everything_goes_on(bool killed)
    {
        var stop = TestContext.Current.CancellationToken;
        await using var cluster = await Cluster.StartAsync(apis: 1, workers: 2, settings: "Worker:LeaseSeconds=8"); // shorter than the outage, long enough to find back on a busy machine
        using var client = new RetryingClient(cluster);
        var ids = new List<string>();
        for (var i = 0; i < 20; i++)
            ids.Add(await client.SubmitAsync(new { prompt = "a cat", seed = i, num_inference_steps = 300 }, $"job-{i}", stop));

        if (killed)
            cluster.Redis.Kill();
        else
            cluster.Redis.Send("STOP");
        var outage = Stopwatch.StartNew();
        var slowest = TimeSpan.Zero;
        while (outage.Elapsed < Outage)
        {
            var answers = await Task.WhenAll(new[] { Submit, Get, List }.Select(ask => TimeAsync(() => ask(cluster.Client, ids[0]))));
            foreach (var (answer, took) in answers)
            {
                slowest = took > slowest ? took : slowest;
                Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
                Assert.Equal("application/problem+json", answer.Content.Headers.ContentType!.MediaType);
                Assert.NotNull(answer.Headers.RetryAfter);
                answer.Dispose();
            }
            foreach (var replica in cluster.Apis.Concat(cluster.Workers))
            {
                Assert.True(await replica.IsAsync("live"));
                Assert.False(await replica.IsAsync("ready"));
            }
        }
        Assert.InRange(slowest, TimeSpan.Zero, AnswerLimit);

        if (killed)
        {
            cluster.Redis.Restart();
            await cluster.Redis.WaitUntilReadyAsync();
        }
        else
        {
            cluster.Redis.Send("CONT");
        }
        var back = Stopwatch.StartNew();
        ids.Add(await client.SubmitAsync(new { prompt = "a cat", seed = 99, num_inference_steps = 3 }, "after", stop));
        await Task.WhenAll(cluster.Apis.Concat(cluster.Workers).Select(r => r.WaitUntilReadyAsync()));
        var recovery = back.Elapsed;
        output.WriteLine($"Redis {(killed ? "killed" : "hanging")} for {outage.Elapsed.TotalSeconds:0} s: slowest answer {slowest.TotalSeconds:0.00} s, submits and readiness back after {recovery.TotalSeconds:0.00} s");
        Assert.InRange(recovery, TimeSpan.Zero, RecoveryLimit);
        foreach (var id in ids)
        {
            var job = await client.EndAsync(id, stop);
            // The outage was longer than the leases: their workers live, and keep them.
            Assert.True(job.Status() == "succeeded" && job["attempts"]!.GetValue<int>() == 1, $"{job.ToJsonString()}\n{string.Join('\n', cluster.Workers.SelectMany(worker => worker.Output))}");
        }
    }

    private static async Task<(HttpResponseMessage Answer, TimeSpan Took)> TimeAsync(Func<Task<HttpResponseMessage>> ask)
    {
        var took = Stopwatch.StartNew();
        var answer = await ask();
        return (answer, took.Elapsed);
    }

    private static Task<HttpResponseMessage> Submit(HttpClient client, string id) => client.PostAsJsonAsync("/v1/jobs", new { prompt = "a cat" });

    private static Task<HttpResponseMessage> Get(HttpClient client, string id) => client.GetAsync($"/v1/jobs/{id}");

    private static Task<HttpResponseMessage> List(HttpClient client, string id) => client.GetAsync("/v1/jobs");
}
