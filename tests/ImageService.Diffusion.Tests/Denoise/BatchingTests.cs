using ImageService.Diffusion.Denoise;

namespace ImageService.Diffusion.Tests.Denoise;

/// <summary>What each <see cref="Batching"/> does with the same four jobs, which have arrived together: rows of each U-Net call, and who is done when.</summary>
public sealed class BatchingTests
{
    private static readonly (int Steps, float Guidance)[] Jobs = [(4, 7.5f), (2, 7.5f), (4, 7.5f), (3, 1)];

    [Fact]
    public void Step_level_batching_gives_a_freed_row_away_at_once()
    {
        var (rows, order) = Draw(Batching.Step);

        Assert.Equal([6, 6, 5, 5, 5, 4, 4, 4], rows);
        Assert.Equal([1, 0, 2, 3, 4], order);
    }

    [Fact]
    public void Serial_draws_one_job_at_a_time()
    {
        var (rows, order) = Draw(Batching.Serial);

        Assert.Equal([2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 4, 4, 4, 4], rows);
        Assert.Equal([0, 1, 2, 3, 4], order);
    }

    [Fact]
    public void Equal_batches_hold_one_schedule()
    {
        var (rows, order) = Draw(Batching.Equal);

        Assert.Equal([4, 4, 4, 4, 2, 2, 1, 1, 1, 4, 4, 4, 4], rows);
        Assert.Equal([0, 2, 1, 3, 4], order);
    }

    [Fact]
    public void A_padded_batch_computes_all_its_rows_until_the_longest_is_done()
    {
        var (rows, order) = Draw(Batching.Padded);

        Assert.Equal([6, 6, 6, 6, 5, 5, 5, 5], rows);
        Assert.Equal([1, 0, 2, 3, 4], order);
    }

    [Fact]
    public void A_picture_of_a_padded_batch_is_delivered_when_the_batch_has_ended()
    {
        var scene = new EngineScene(batching: Batching.Padded);
        var (job, heard) = scene.Add(EngineScene.Request(steps: 2));
        scene.Add(EngineScene.Request(steps: 6));

        scene.Run(5);
        Assert.Empty(heard.Pictures);
        scene.Run();

        Assert.Single(heard.Pictures);
        Assert.Equal(EngineScene.Alone(job.Request), EngineScene.Latents(job));
    }

    [Fact]
    public void A_padded_batch_whose_last_picture_is_canceled_delivers_the_others()
    {
        var scene = new EngineScene(batching: Batching.Padded);
        var (_, heard) = scene.Add(EngineScene.Request(steps: 2));
        var (longest, _) = scene.Add(EngineScene.Request(steps: 50));
        scene.Run(4);

        scene.Engine.Cancel(longest);
        scene.Run(2);

        Assert.Single(heard.Pictures);
        Assert.False(scene.Engine.HasWork);
    }

    [Theory]
    [InlineData(Batching.Serial)]
    [InlineData(Batching.Equal)]
    [InlineData(Batching.Padded)]
    public void Nobody_joins_a_static_batch_that_runs(Batching batching)
    {
        var scene = new EngineScene(batching: batching);
        scene.Add(EngineScene.Request(steps: 5));
        scene.Run(1);
        scene.Add(EngineScene.Request(steps: 5));
        scene.Run();

        Assert.All(scene.Model.Calls, call => Assert.Equal(2, call.Rows));
        Assert.Equal(10, scene.Model.Calls.Count);
    }

    // Four jobs of one picture and one of two, with six rows to share.
    private static (IEnumerable<int> Rows, IEnumerable<int> Order) Draw(Batching batching)
    {
        var scene = new EngineScene(maxRows: 6, batching: batching);
        var jobs = Jobs.Select(j => scene.Add(EngineScene.Request(steps: j.Steps, guidance: j.Guidance))).ToList();
        jobs.Add(scene.Add(EngineScene.Request(steps: 4) with { NumImages = 2, Scheduler = "euler" }));
        var order = new List<int>();
        while (scene.Engine.HasWork)
        {
            scene.Engine.Turn();
            order.AddRange(Enumerable.Range(0, jobs.Count).Where(i => jobs[i].Heard.Ended && !order.Contains(i)));
        }
        return (scene.Model.Calls.Select(c => c.Rows), order);
    }
}
