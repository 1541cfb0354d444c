using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Grpc.Net.Client;
using ImageService.EndToEnd.Tests;
using ImageService.V1;

namespace ImageService.Chaos.Tests;

/// <summary>What is one service although it is many processes.</summary>
[Collection(Cluster.OneAtATime)]
public sealed class ReplicaTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    [Fact]
    public async Task Previews_reach_every_watcher_on_every_replica()
    {
        using var patience = new CancellationTokenSource(Patience);
        var stop = patience.Token;
        await using var cluster = await Cluster.StartAsync(apis: 2, workers: 1);
        var channels = cluster.Apis.Select(api => GrpcChannel.ForAddress(api.GrpcAddress)).ToList();
        var clients = channels.ConvertAll(channel => new Images.ImagesClient(channel));
        await cluster.Workers[0].Process.SendAsync("STOP"); // nothing is drawn before all watch
        var job = await clients[0].SubmitAsync(new SubmitRequest { Prompt = "a cat", NumInferenceSteps = 30, PreviewEvery = 10 }, cancellationToken: stop);
        var watches = clients.SelectMany(client => Enumerable.Range(0, 3).Select(_ => client.Watch(new WatchRequest { Id = job.Id }, cancellationToken: stop))).ToList();
        await Task.WhenAll(watches.Select(watch => watch.ResponseStream.MoveNext(stop)));
        await cluster.Workers[0].Process.SendAsync("CONT");

        var seen = await Task.WhenAll(watches.Select(async watch =>
        {
            var events = new List<JobEvent>();
            while (await watch.ResponseStream.MoveNext(stop))
                events.Add(watch.ResponseStream.Current);
            return events;
        }));
        Assert.All(seen, events =>
        {
            Assert.Equal(JobStatus.Succeeded, events[^1].Done.Status);
            Assert.Contains(events, e => e.Preview is not null);
            Assert.Equal(seen[0].Where(e => e.Preview is not null).Select(e => (e.Sequence, e.Preview.Content)), events.Where(e => e.Preview is not null).Select(e => (e.Sequence, e.Preview.Content)));
        });
        channels.ForEach(channel => channel.Dispose());
    }

    [Fact]
    public async Task One_trace_goes_from_the_request_through_the_worker_to_its_steps_and_the_picture()
    {
        using var patience = new CancellationTokenSource(Patience);
        await using var collector = await TraceCollector.StartAsync();
        await using var cluster = await Cluster.StartAsync(apis: 1, workers: 1, settings: collector.Settings);
        var trace = ActivityTraceId.CreateRandom().ToHexString();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/jobs") { Content = JsonContent.Create(new { prompt = "a cat", num_inference_steps = 7, scheduler = "euler" }) };
        request.Headers.Add("traceparent", $"00-{trace}-00f067aa0ba902b7-01");
        using var answer = await cluster.Client.SendAsync(request, patience.Token);
        var id = JsonNode.Parse(await answer.Content.ReadAsStringAsync(patience.Token))!.Id();
        using var client = new RetryingClient(cluster);
        Assert.Equal("succeeded", (await client.EndAsync(id, patience.Token)).Status());

        var spans = new List<TraceCollector.Span>();
        while (!spans.Any(span => span.Name == "draw") || !spans.Any(span => span.Name == "POST /v1/jobs/"))
        {
            Assert.False(patience.IsCancellationRequested, "Not all spans have come: " + string.Join(", ", collector.Spans.Select(span => $"{span.Service} {span.Name} {span.Trace}")));
            await Task.Delay(100); // they come in batches
            spans = [.. collector.Spans.Where(span => span.Trace == trace)];
        }
        TraceCollector.Span Named(string name) => Assert.Single(spans, span => span.Name == name);
        var (received, accepted, draw) = (Named("POST /v1/jobs/"), Named("submit"), Named("draw"));
        Assert.Equal(received.Id, accepted.Parent);
        Assert.Equal(("imageservice-api", "00f067aa0ba902b7"), (received.Service, received.Parent));
        Assert.Equal(("imageservice-worker", accepted.Id), (draw.Service, draw.Parent));
        Assert.Equal(7, draw.Events.Count(name => name == "step"));
        Assert.Equal(draw.Id, Named("pictures put").Parent);
        Assert.Equal(draw.Id, Named("jobs complete").Parent);
    }
}
