using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json;

namespace ImageService.Benchmarks.Service;

/// <summary>People who ask the service for pictures over HTTP and wait for them.</summary>
/// <param name="side">Pixels of a picture's side.</param>
internal sealed class Callers(HttpClient client, int side)
{
    private const int LongestWait = 300;
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };
    private static readonly string[] Prompts = ["a red apple", "a cat on a yellow background, flat style", "a small green tree", "purple guitar, icon style"];

    /// <summary>An open loop: each request is sent at its time whatever became of those before, and its latency counts from that time.</summary>
    public async Task<IReadOnlyList<ServedJob>> ComeAsync(IReadOnlyList<TimedRequest> arrivals, CancellationToken cancellationToken)
    {
        var clock = Stopwatch.StartNew();
        var jobs = new List<Task<ServedJob>>();
        foreach (var arrival in arrivals)
        {
            var early = TimeSpan.FromSeconds(arrival.At) - clock.Elapsed;
            if (early > TimeSpan.Zero)
                await Task.Delay(early, cancellationToken);
            jobs.Add(DrawAsync(arrival, clock, cancellationToken));
        }
        return await Task.WhenAll(jobs);
    }

    /// <summary>A closed loop: so many callers ask again as soon as they have their picture, until they are canceled.</summary>
    public async Task KeepComingAsync(IReadOnlyList<TimedRequest> arrivals, int callers, CancellationToken cancellationToken)
    {
        var clock = Stopwatch.StartNew();
        var next = -1;
        async Task CallAsync()
        {
            while (true)
                await DrawAsync(arrivals[Interlocked.Increment(ref next) % arrivals.Count], clock, cancellationToken);
        }
        try
        {
            await Task.WhenAll(Enumerable.Range(0, callers).Select(_ => CallAsync()));
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
        }
    }

    private async Task<ServedJob> DrawAsync(TimedRequest arrival, Stopwatch clock, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/jobs") { Content = JsonContent.Create(Body(arrival), options: Json) };
        request.Headers.Add("Prefer", $"wait={LongestWait}");
        using var response = await client.SendAsync(request, cancellationToken);
        var text = await response.Content.ReadAsStringAsync(cancellationToken);
        var job = response.IsSuccessStatusCode ? JsonSerializer.Deserialize<AnsweredJob>(text, Json) : null;
        if (job is not { Status: "succeeded", Timings: { } timings })
            throw new InvalidOperationException($"The service answered {(int)response.StatusCode}: {text}");
        return new ServedJob(arrival, clock.Elapsed.TotalSeconds, timings, job.Steps);
    }

    private object Body(TimedRequest arrival) => new
    {
        Width = side,
        Height = side,
        Prompt = Prompts[arrival.Seed % Prompts.Length],
        NumInferenceSteps = arrival.Steps,
        GuidanceScale = arrival.Guidance,
        arrival.Scheduler,
        arrival.Seed,
    };

    private sealed record AnsweredJob(string Status, int Steps, AnsweredTimings? Timings);
}

/// <param name="FinishedAt">Seconds since the beginning, when the caller had the answer.</param>
/// <param name="Steps">U-Net evaluations.</param>
internal sealed record ServedJob(TimedRequest Arrival, double FinishedAt, AnsweredTimings Timings, int Steps)
{
    public double Latency => FinishedAt - Arrival.At;
}

/// <summary>What the service says about a job, in seconds.</summary>
internal sealed record AnsweredTimings(double Admission, double Encode, double Denoise, double Decode);
