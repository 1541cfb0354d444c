using System.Diagnostics;
using Grpc.Net.Client;
using ImageService.V1;

namespace ImageService.Chaos.Tests;

[Collection(Cluster.OneAtATime)]
public sealed class WatcherTests(ITestOutputHelper output)
{
    private const int Readers = 450;
    private const int Sleepers = 50;
    private const long MemoryLimit = 300L << 20;

    [Fact]
    public async Task Watchers_that_never_read_hold_up_nobody_and_still_find_the_end()
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        var stop = patience.Token;
        await using var cluster = await Cluster.StartAsync(apis: 1, workers: 1);
        using var channel = GrpcChannel.ForAddress(cluster.Apis[0].GrpcAddress,
            new GrpcChannelOptions { HttpHandler = new SocketsHttpHandler { EnableMultipleHttp2Connections = true } });
        var client = new Images.ImagesClient(channel);

        // Everyone watches before the first step.
        await cluster.Workers[0].Process.SendAsync("STOP");
        var job = await client.SubmitAsync(new SubmitRequest { Prompt = "a cat", Width = 512, Height = 512, NumInferenceSteps = ChaosSize.IsFull ? 100 : 40, PreviewEvery = 1 }, cancellationToken: stop);
        var before = cluster.Apis[0].Process.ResidentBytes;
        var sleepers = Enumerable.Range(0, Sleepers).Select(_ => client.Watch(new WatchRequest { Id = job.Id }, cancellationToken: stop)).ToList();
        var readers = Enumerable.Range(0, Readers).Select(_ => client.Watch(new WatchRequest { Id = job.Id }, cancellationToken: stop)).ToList();
        await Task.WhenAll(readers.Select(r => r.ResponseStream.MoveNext(stop)));
        await cluster.Workers[0].Process.SendAsync("CONT");

        var drawing = Stopwatch.StartNew();
        var most = before;
        var reading = Task.WhenAll(readers.Select(r => EndAsync(r.ResponseStream, stop)));
        while (!reading.IsCompleted)
        {
            most = Math.Max(most, cluster.Apis[0].Process.ResidentBytes);
            await Task.WhenAny(reading, Task.Delay(200, stop));
        }
        var seen = await reading;
        output.WriteLine($"{Readers} readers, each of {seen.Average():0} events on average, all at the end after {drawing.Elapsed.TotalSeconds:0.0} s; " +
            $"the API grew from {before >> 20} to {most >> 20} MiB while {Sleepers} watchers never read");
        Assert.InRange(most - before, 0, MemoryLimit);
        // What they slept through is dropped, the end is not.
        Assert.All(await Task.WhenAll(sleepers.Select(s => EndAsync(s.ResponseStream, stop))), events => Assert.True(events > 0));
        sleepers.ForEach(s => s.Dispose());
        readers.ForEach(r => r.Dispose());
    }

    private static async Task<int> EndAsync(Grpc.Core.IAsyncStreamReader<JobEvent> events, CancellationToken stop)
    {
        var count = 0;
        while (await events.MoveNext(stop))
        {
            count++;
            if (events.Current.Done is { } done)
            {
                Assert.Equal(JobStatus.Succeeded, done.Status);
                return count;
            }
        }
        Assert.Fail("The stream ended without the final event.");
        return count;
    }
}
