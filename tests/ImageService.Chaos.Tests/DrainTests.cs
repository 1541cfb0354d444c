using ImageService.EndToEnd.Tests;

namespace ImageService.Chaos.Tests;

[Collection(Cluster.OneAtATime)]
public sealed class DrainTests(ITestOutputHelper output)
{
    private const int Steps = 1000;

    [Theory]
    [InlineData("euler_a", 1)] // noise drawn at each step
    [InlineData("dpmpp_2m", 2)] // history of earlier outputs, and guidance
    public async Task A_drained_workers_half_done_job_ends_on_another_with_the_same_picture_and_no_step_done_twice(string scheduler, int rows)
    {
        var stop = TestContext.Current.CancellationToken;
        await using var cluster = await Cluster.StartAsync(apis: 1, workers: 2, settings: "Worker:GraceSeconds=1");
        using var client = new RetryingClient(cluster);
        object body = new { prompt = "a dog", seed = 2, num_inference_steps = Steps, guidance_scale = rows == 1 ? 1 : 7.5, scheduler, determinism = "exact" };
        var whole = await client.EndAsync(await client.SubmitAsync(body, "whole", stop), stop);
        var callsBefore = await Task.WhenAll(cluster.Workers.Select(CallsAsync));

        var id = await client.SubmitAsync(body, "halved", stop);
        var seen = 0;
        await cluster.Client.WatchAsync(id, (name, data) => name == "progress" && (seen = data["step"]!.GetValue<int>()) > Steps / 5);
        var calls = await Task.WhenAll(cluster.Workers.Select(CallsAsync));
        var drawing = calls[0] > callsBefore[0] ? 0 : 1;
        await cluster.Workers[drawing].StopAsync();
        var halved = await client.EndAsync(id, stop);

        var rest = await CallsAsync(cluster.Workers[1 - drawing]) - callsBefore[1 - drawing];
        output.WriteLine($"{scheduler}: drained after {seen} of {Steps} steps or a little later; the other worker made the last {rest} U-Net calls; " +
            $"{halved["timings"]!["row_steps"]} row-steps in sum, a whole run takes {whole["timings"]!["row_steps"]}");
        Assert.Equal(1, halved["attempts"]!.GetValue<int>());
        Assert.InRange(rest, 1, Steps - seen);
        Assert.Equal(whole["timings"]!["row_steps"]!.GetValue<long>(), halved["timings"]!["row_steps"]!.GetValue<long>());
        Assert.Equal(await client.PictureAsync(whole, stop), await client.PictureAsync(halved, stop));
    }

    // U-Net calls of a worker since its start.
    private static async Task<long> CallsAsync(Replica worker)
    {
        var page = await worker.Process.Client.GetStringAsync("/metrics");
        return page.Split('\n').Where(line => line.StartsWith("imageservice_step_rows_count", StringComparison.Ordinal)).Sum(line => long.Parse(line.Split(' ')[1]));
    }
}
