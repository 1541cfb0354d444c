using System.Text.RegularExpressions;
using Grpc.Net.Client;
using ImageService.V1;

namespace ImageService.EndToEnd.Tests;

/// <summary>What operators and gRPC clients see of the process.</summary>
public sealed partial class HostTests
{
    private static readonly string[] Settings =
    [
        "Models:Default=tiny-sd15",
        "Kestrel:Endpoints:Api:Url=http://127.0.0.1:0",
        "Kestrel:Endpoints:Grpc:Url=http://127.0.0.1:0",
        "Kestrel:Endpoints:Grpc:Protocols=Http2",
    ];

    /// <summary>The moment after the start, when the bundled model is being loaded: the native runtime must not lose its process amid that.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Told_to_stop_while_it_loads_its_model_it_ends_as_asked(int times)
    {
        for (var round = 0; round < 3; round++)
        {
            using var folder = new TemporaryFolder();
            await using var service = await ServiceProcess.StartAsync(folder.Path);
            for (var i = 0; i < times; i++)
                await service.SendAsync("TERM");
            Assert.Equal(0, await service.EndAsync(TimeSpan.FromSeconds(60)));
            Assert.DoesNotContain("   at ", service.Output); // no stack trace
        }
    }

    [Fact]
    public async Task A_picture_is_generated_over_gRPC_and_every_documented_metric_is_there()
    {
        using var folder = new TemporaryFolder();
        await using var service = await ServiceProcess.StartAsync(folder.Path, TinyService.CopyModels(folder.Path), Settings);
        while (!(await service.Client.GetAsync("/healthz/ready")).IsSuccessStatusCode)
            await Task.Delay(50, TestContext.Current.CancellationToken);
        var addresses = Address().Matches(service.Output).Select(m => m.Value).ToList();
        using var channel = GrpcChannel.ForAddress(addresses[1]);
        using var call = new Images.ImagesClient(channel).Generate(new SubmitRequest { Prompt = "a cat", Seed = 1, NumInferenceSteps = 4, PreviewEvery = 2 });
        var events = new List<JobEvent>();
        while (await call.ResponseStream.MoveNext(TestContext.Current.CancellationToken))
            events.Add(call.ResponseStream.Current);
        Assert.Contains(events, e => e.Preview is not null);
        Assert.Equal(JobStatus.Succeeded, events[^1].Done.Status);
        Assert.NotEmpty(await service.Client.GetByteArrayAsync(events[^1].Done.Images[0].Url));

        // More than a worker takes at once: some wait, and are counted by their size when the queue is next looked at.
        for (var i = 0; i < 40; i++)
            await service.Client.SubmitAsync(new { prompt = "a queue", width = 64, height = 64, num_images = 8, num_inference_steps = 1000 });
        string page;
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(TimeSpan.FromMinutes(1));
        do
        {
            await Task.Delay(200, patience.Token);
            page = await service.Client.GetStringAsync("/metrics");
        }
        while (!page.Split('\n').Any(l => l.StartsWith("imageservice_queue_waiting{", StringComparison.Ordinal) && l.Contains("shape=\"64x64\"", StringComparison.Ordinal)));
        var documented = Metric().Matches(await File.ReadAllTextAsync(Path.Combine(Repository.Root, "docs", "operations.md"))).Select(m => m.Groups[1].Value).ToList();
        Assert.True(documented.Count >= 12);
        Assert.All(documented, name => Assert.True(page.Contains($"# TYPE {name} ", StringComparison.Ordinal), $"{name} is not on the page:\n{page}"));
        Assert.Matches("imageservice_jobs_finished_total\\{[^}]*status=\"succeeded\"[^}]*\\} 1\\b", page);
        Assert.Matches("imageservice_job_duration_seconds_bucket\\{[^}]*le=\"600\"[^}]*\\} 1\\b", page);
    }

    [Theory]
    [InlineData("Api", "Api:DrainSeconds=-1", "DrainSeconds")]
    [InlineData("Api", "Jobs:Store=postgres", "Jobs:Store")]
    [InlineData("Worker", "Worker:GraceSeconds=301", "GraceSeconds")]
    [InlineData("Worker", "Execution:Provider=abacus", "Provider")]
    [InlineData("Standalone", "Engine:StuckSeconds=1", "StuckSeconds")]
    [InlineData("Standalone", "Engine:RowBudgets:500x512=8", "Engine:RowBudgets:500x512")]
    public async Task A_refused_configuration_is_one_sentence_and_exit_code_1(string program, string setting, string named)
    {
        using var folder = new TemporaryFolder();
        var (exitCode, output) = await ServiceProcess.RunAsync(
            ["--urls", "http://127.0.0.1:0", $"--Jobs:SqlitePath={folder.Path}/jobs.db", $"--Blobs:DiskPath={folder.Path}/blobs", "--" + setting],
            TimeSpan.FromSeconds(30), Repository.Program(program));
        Assert.Equal(1, exitCode);
        Assert.Contains(named, output, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", output, StringComparison.Ordinal);
    }

    [GeneratedRegex(@"(?<=listening on: )http://127\.0\.0\.1:\d+")]
    private static partial Regex Address();

    [GeneratedRegex(@"^\| `((?:imageservice|http_server)_\w+)` \|", RegexOptions.Multiline)]
    private static partial Regex Metric();
}
