using ImageService.Core;
using ImageService.Diffusion.Denoise;
using ImageService.Testing;

namespace ImageService.Diffusion.Tests.Denoise;

public sealed class DenoiseEngineTests
{
    private static readonly string[] Schedulers = ["two_evaluations", "euler", "euler_a", "ddim", "pndm", "dpmpp_2m", "dpmpp_2m_karras"];

    [Fact]
    public void Jobs_that_join_and_leave_a_running_batch_get_the_same_latents_as_alone()
    {
        (int Tick, GenerationRequest Request)[] plan =
        [
            (0, EngineScene.Request(seed: 1, steps: 9, scheduler: "dpmpp_2m_karras")),
            (0, EngineScene.Request(seed: 2, steps: 4, guidance: 1, scheduler: "pndm")),
            (2, EngineScene.Request(seed: 3, steps: 6, guidance: 3, scheduler: "euler_a") with { NumImages = 2, GuidanceRescale = 0.7f }),
            (3, EngineScene.Request(seed: 4, steps: 3, scheduler: "two_evaluations", prompt: "a blue boat")),
            (5, EngineScene.Request(seed: 5, steps: 7, guidance: 0, scheduler: "ddim")),
        ];
        var scene = new EngineScene(maxRows: 6);
        var jobs = new List<(DenoiseJob Job, RecordingListener Heard)>();
        for (var tick = 0; jobs.Count < plan.Length || scene.Engine.HasWork; tick++)
        {
            foreach (var (_, request) in plan.Where(p => p.Tick == tick))
                jobs.Add(scene.Add(request));
            scene.Engine.Turn();
        }

        Assert.Contains(scene.Model.Calls, c => c.Rows >= 5);
        foreach (var (job, heard) in jobs)
        {
            Assert.NotNull(heard.Summary);
            Assert.Equal(EngineScene.Alone(job.Request), EngineScene.Latents(job));
        }
    }

    [Fact]
    public void Large_pictures_whose_steps_are_spread_over_threads_get_the_same_latents_as_alone()
    {
        var scene = new EngineScene(maxRows: 2 * Schedulers.Length);
        var jobs = Schedulers.Select((scheduler, i) => scene.Add(EngineScene.Request(seed: i, steps: 5, scheduler: scheduler) with { Width = 512, Height = 512, GuidanceRescale = 0.1f * i })).ToList();
        scene.Run();

        Assert.Contains(scene.Model.Calls, c => c.Rows == 2 * Schedulers.Length);
        foreach (var (job, _) in jobs)
            Assert.Equal(EngineScene.Alone(job.Request), EngineScene.Latents(job));
    }

    /// <summary>Two hundred random crowds: schedulers, steps, guidance, sizes, seeds, joins, cancels, preemptions and restarts elsewhere.</summary>
    [Fact]
    public void No_crowd_changes_a_picture()
    {
        var pauses = 0;
        for (var seed = 0; seed < 200; seed++)
            pauses += RandomCrowd(seed);
        Assert.True(pauses > 20, "Hardly anyone was paused: these crowds say nothing about pausing.");
    }

    private static int RandomCrowd(int seed)
    {
        var random = new Random(seed);
        int[] sizes = random.Next(2) == 0 ? [] : [1, 2, 4, 6, 8];
        var scene = new EngineScene(maxRows: random.Next(1, 9), sizes);
        var crowd = new List<(DenoiseJob Job, RecordingListener Heard)>();
        var canceled = new HashSet<DenoiseJob>();
        var count = random.Next(2, 9);
        for (var turn = 0; crowd.Count < count || scene.Engine.HasWork; turn++)
        {
            Assert.True(turn < 10_000);
            if (crowd.Count < count && random.Next(3) == 0)
                crowd.Add(scene.Add(RandomRequest(random), client: $"client {random.Next(3)}"));
            if (crowd.Count > 0 && random.Next(12) == 0)
            {
                var who = random.Next(crowd.Count);
                var (job, heard) = crowd[who];
                if (!heard.Ended && canceled.Add(job))
                    scene.Engine.Cancel(job);
            }
            if (crowd.Count > 0 && random.Next(10) == 0)
            {
                var who = random.Next(crowd.Count);
                if (!canceled.Contains(crowd[who].Job) && scene.Engine.Save(crowd[who].Job) is { } state)
                    crowd[who] = scene.Add(crowd[who].Job.Request, state);
            }
            scene.Engine.Turn();
        }
        foreach (var (job, heard) in crowd)
        {
            if (canceled.Contains(job))
            {
                Assert.False(heard.Ended);
                continue;
            }
            Assert.True(heard.Summary is not null, $"{heard.Failure?.Message} {job.Request}");
            Assert.Empty(heard.Summary.Warnings);
            Assert.Equal(EngineScene.Alone(job.Request), EngineScene.Latents(job));
            Assert.Equal(Enumerable.Range(0, job.Request.NumImages), heard.Pictures.Select(p => p.Index).Order());
        }
        return crowd.Sum(c => c.Job.Tasks.Sum(t => t.Pauses));
    }

    private static GenerationRequest RandomRequest(Random random) => EngineScene.Request(
        seed: random.Next(1000), steps: random.Next(3) == 0 ? 40 : random.Next(4, 14), guidance: random.Next(3) * 2.5f, scheduler: Schedulers[random.Next(Schedulers.Length)], prompt: $"prompt {random.Next(50)}") with
    {
        NumImages = random.Next(4) == 0 ? 3 : 1,
        Width = random.Next(3) == 0 ? 24 : 16,
        GuidanceRescale = random.Next(2) * 0.5f,
        Priority = random.Next(3),
        PreviewEvery = random.Next(4),
        Determinism = random.Next(5) == 0 ? Determinism.Exact : Determinism.Fast,
    };

    [Fact]
    public void A_client_with_one_job_starts_within_two_completions_of_anothers_thousand()
    {
        var scene = new EngineScene(maxRows: 4);
        var crowd = Enumerable.Range(0, 1000).Select(i => scene.Add(EngineScene.Request(seed: i, steps: 4), client: "a").Heard).ToList();
        scene.Run(50);
        var before = crowd.Count(heard => heard.Ended);
        var (_, single) = scene.Add(EngineScene.Request(steps: 4), client: "b");
        while (single.Steps.All(s => s.Step == 0))
            scene.Run(1);

        Assert.InRange(crowd.Count(heard => heard.Ended) - before, 0, 2);
    }

    [Fact]
    public void Image_i_of_a_job_is_the_image_of_seed_plus_i()
    {
        var together = EngineScene.Alone(EngineScene.Request(seed: 40, scheduler: "ancestral") with { NumImages = 3 });
        for (var i = 0; i < 3; i++)
            Assert.Equal(EngineScene.Alone(EngineScene.Request(seed: 40 + i, scheduler: "ancestral"))[0], together[i]);
    }

    [Fact]
    public void A_canceled_job_takes_no_part_in_the_next_step_and_hears_nothing_more()
    {
        var scene = new EngineScene();
        var (job, heard) = scene.Add(EngineScene.Request(steps: 50));
        var (_, other) = scene.Add(EngineScene.Request(steps: 8));
        scene.Run(4);
        scene.Model.Calls.Clear();
        var before = heard.Steps.Count;

        scene.Engine.Cancel(job);
        scene.Run();

        Assert.All(scene.Model.Calls, c => Assert.Equal(2, c.Rows));
        Assert.Equal(before, heard.Steps.Count);
        Assert.False(heard.Ended);
        Assert.NotNull(other.Summary);
    }

    [Fact]
    public void Progress_counts_every_evaluation_and_the_summary_every_row()
    {
        var scene = new EngineScene(time: TimeProvider.System);
        var (_, heard) = scene.Add(EngineScene.Request(steps: 3, scheduler: "two_evaluations", prompt: "long"));
        scene.Run();

        Assert.Equal([(0, 6), (1, 6), (2, 6), (3, 6), (4, 6), (5, 6), (6, 6)], heard.Steps);
        Assert.Equal(12, heard.Summary!.RowSteps);
        Assert.Equal(["The prompt was cut."], heard.Summary.Warnings);
        Assert.True(heard.Summary.Denoise > 0);
    }

    [Fact]
    public void Previews_come_every_so_many_steps_but_not_for_the_last()
    {
        var scene = new EngineScene();
        var (_, heard) = scene.Add(EngineScene.Request(steps: 6) with { PreviewEvery = 2 });
        scene.Run();

        Assert.Equal([2, 4], heard.Previews.Select(p => p.Step));
        Assert.All(heard.Previews, p => Assert.Equal((6, 2, 2, 16), (p.Steps, p.Height, p.Width, p.Latents.Length)));
    }

    [Fact]
    public void Conditioning_is_gathered_only_when_the_composition_changes()
    {
        var scene = new EngineScene();
        scene.Add(EngineScene.Request(steps: 10));
        scene.Run(5);
        scene.Add(EngineScene.Request(steps: 2, guidance: 1));
        scene.Run();

        Assert.Equal([1, 1, 1, 1, 1, 2, 2, 3, 3, 3], scene.Model.Calls.Select(c => c.ConditioningVersion));
    }

    [Fact]
    public void Padded_calls_have_only_the_listed_row_counts_and_change_no_picture()
    {
        var scene = new EngineScene(maxRows: 8, sizes: RowPolicy.DeviceSizes);
        var (job, _) = scene.Add(EngineScene.Request(steps: 6));
        scene.Add(EngineScene.Request(steps: 4, guidance: 1));
        scene.Add(EngineScene.Request(steps: 3));
        scene.Run();

        Assert.All(scene.Model.Calls, c => Assert.Contains(c.Rows, RowPolicy.DeviceSizes));
        Assert.Contains(scene.Model.Calls, c => c.Rows == 6);
        Assert.Equal(EngineScene.Alone(job.Request), EngineScene.Latents(job));
    }

    [Fact]
    public void Exact_pictures_always_run_in_one_row_count()
    {
        var scene = new EngineScene(maxRows: 8, exactRows: 4);
        scene.Add(EngineScene.Request(steps: 6) with { Determinism = Determinism.Exact, Width = 24 });
        scene.Add(EngineScene.Request(steps: 4, guidance: 1) with { Determinism = Determinism.Exact, Width = 24 });
        scene.Add(EngineScene.Request(steps: 3));
        scene.Run();

        Assert.All(scene.Model.Calls.Where(c => c.Key.Width == 3), c => Assert.Equal(4, c.Rows));
    }

    [Fact]
    public void A_scalar_timestep_is_shared_only_by_rows_that_are_at_it()
    {
        var model = new FakeDiffusionModel(timestepPerRow: false);
        model.OnPredict = batch => Assert.Single(batch.Timestep.Take(batch.Rows).Distinct());
        var scene = new EngineScene(models: new LoadedModels(model));
        var jobs = new List<DenoiseJob>();
        for (var i = 0; i < 4; i++)
        {
            jobs.Add(scene.Add(EngineScene.Request(seed: i, steps: 4 + (i % 2))).Job);
            scene.Run(i % 2);
        }
        scene.Run();

        foreach (var job in jobs)
            Assert.Equal(EngineScene.Alone(job.Request), EngineScene.Latents(job));
    }

    [Fact]
    public void A_steady_batch_allocates_nothing()
    {
        var scene = new EngineScene();
        scene.Model.RecordCalls = false;
        for (var i = 0; i < 3; i++)
            scene.Engine.Add(new DenoiseJob(EngineScene.Request(seed: i, steps: 1000, guidance: i, scheduler: new[] { "euler_a", "dpmpp_2m", "ddim" }[i]) with { GuidanceRescale = 0.5f }, new SilentListener()));
        scene.Engine.Add(new DenoiseJob(EngineScene.Request(steps: 1000) with { Width = 24 }, new SilentListener()));
        scene.Run(50);

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
            scene.Engine.Turn();
        Assert.InRange((GC.GetAllocatedBytesForCurrentThread() - before) / 1000.0, 0, 64);
    }
}
