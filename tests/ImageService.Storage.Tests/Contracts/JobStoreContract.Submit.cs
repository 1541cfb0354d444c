using ImageService.Core;

namespace ImageService.Storage.Tests.Contracts;

public abstract partial class JobStoreContract
{
    [Fact]
    public async Task A_submitted_job_is_read_back_as_it_was_sent()
    {
        var submission = Submission("client-7") with
        {
            Request = Request() with
            {
                NegativePrompt = "blurry \"☃\" 𝄞\n",
                Seed = long.MaxValue,
                GuidanceScale = 7.1f,
                GuidanceRescale = 0.7f,
                ClipSkip = 2,
                NumImages = 4,
                Rng = NoiseSource.Philox,
                PromptSyntax = PromptSyntax.A1111,
                Determinism = Determinism.Exact,
                PreviewEvery = 5,
                Image = "jobs/x/input/image.rgb",
                MaskImage = "jobs/x/input/mask.gray",
                Strength = 0.55f,
                Metadata = new Dictionary<string, string> { ["Caller's Key"] = "value" },
            },
        };
        await Store.SubmitAsync(submission, Stop);
        var job = await GetAsync(submission.Id);
        Assert.Equal(submission.Request with { Metadata = null }, job.Request with { Metadata = null });
        Assert.Equal("value", job.Request.Metadata!["Caller's Key"]);
        Assert.Equal("client-7", job.Client);
    }

    [Fact]
    public async Task A_new_job_is_queued_with_no_attempts()
    {
        var job = (await Store.SubmitAsync(Submission(), Stop)).Job!;
        Assert.Equal(JobStatus.Queued, job.Status);
        Assert.Equal((0, 0, 0), (job.Attempts, job.Step, job.Steps));
        Assert.Equal(0, job.QueuePosition);
        Assert.Null(job.StartedAt);
        Assert.Null(job.FinishedAt);
        Assert.InRange(job.CreatedAt, place.Now.AddMinutes(-1), place.Now.AddSeconds(1));
    }

    [Fact]
    public async Task An_unknown_job_is_null()
    {
        var id = JobId.New(TimeProvider.System);
        Assert.Null(await Store.GetAsync(id, Stop));
        Assert.Null(await Store.CancelAsync(id, Stop));
        Assert.False(await Store.WasRemovedAsync(id, Stop));
    }

    [Fact]
    public async Task The_same_submit_again_is_one_job()
    {
        var submission = Submission();
        await Store.SubmitAsync(submission, Stop);
        var again = await Store.SubmitAsync(submission, Stop);
        Assert.Equal(SubmitOutcome.Accepted, again.Outcome);
        Assert.Equal(submission.Id, again.Job!.Id);
        Assert.Equal(1, (await Store.DepthAsync(Stop)).Queued);
    }

    [Fact]
    public async Task The_same_key_and_request_replay_the_first_job()
    {
        var first = Submission(key: "k", fingerprint: "f");
        await Store.SubmitAsync(first, Stop);
        var second = await Store.SubmitAsync(Submission(key: "k", fingerprint: "f"), Stop);
        Assert.Equal(SubmitOutcome.Replayed, second.Outcome);
        Assert.Equal(first.Id, second.Job!.Id);
        Assert.Equal(1, (await Store.DepthAsync(Stop)).Queued);
    }

    [Fact]
    public async Task A_replay_tells_how_the_job_stands_now()
    {
        await Store.SubmitAsync(Submission(key: "k", fingerprint: "f"), Stop);
        var leased = await LeaseOneAsync();
        await Queue.CompleteAsync(leased.Lease, Result(leased.Lease), Stop);
        var replayed = await Store.SubmitAsync(Submission(key: "k", fingerprint: "f"), Stop);
        Assert.Equal(JobStatus.Succeeded, replayed.Job!.Status);
    }

    [Fact]
    public async Task The_same_key_with_another_request_is_refused()
    {
        await Store.SubmitAsync(Submission(key: "k", fingerprint: "f"), Stop);
        var second = await Store.SubmitAsync(Submission(key: "k", fingerprint: "g"), Stop);
        Assert.Equal(SubmitOutcome.KeyReused, second.Outcome);
        Assert.Null(second.Job);
    }

    [Fact]
    public async Task Two_hundred_racing_submits_with_one_key_are_one_job()
    {
        var results = await Task.WhenAll(Enumerable.Range(0, 200).Select(_ =>
            Task.Run(() => Store.SubmitAsync(Submission(key: "race", fingerprint: "f"), Stop), Stop)));
        Assert.Single(results, r => r.Outcome == SubmitOutcome.Accepted);
        Assert.Equal(199, results.Count(r => r.Outcome == SubmitOutcome.Replayed));
        Assert.Single(results.Select(r => r.Job!.Id).Distinct());
        Assert.Equal(1, (await Store.DepthAsync(Stop)).Queued);
    }

    [Fact]
    public async Task A_full_queue_refuses_and_takes_again_when_one_has_left()
    {
        place = await OpenWithLimitAsync(2);
        await SubmitAsync();
        await SubmitAsync();
        var refused = await Store.SubmitAsync(Submission(), Stop);
        Assert.Equal(SubmitOutcome.QueueFull, refused.Outcome);
        Assert.Null(refused.Job);
        Assert.Equal(2, refused.Depth.Queued);
        await LeaseOneAsync();
        await SubmitAsync();
    }

    [Fact]
    public async Task A_full_queue_still_replays_what_it_accepted()
    {
        place = await OpenWithLimitAsync(1);
        await Store.SubmitAsync(Submission(key: "k", fingerprint: "f"), Stop);
        Assert.Equal(SubmitOutcome.Replayed, (await Store.SubmitAsync(Submission(key: "k", fingerprint: "f"), Stop)).Outcome);
    }

    [Fact]
    public async Task A_refused_submit_does_not_use_up_its_key()
    {
        place = await OpenWithLimitAsync(1);
        await SubmitAsync();
        Assert.Equal(SubmitOutcome.QueueFull, (await Store.SubmitAsync(Submission(key: "k", fingerprint: "f"), Stop)).Outcome);
        await LeaseOneAsync();
        Assert.Equal(SubmitOutcome.Accepted, (await Store.SubmitAsync(Submission(key: "k", fingerprint: "f"), Stop)).Outcome);
    }

    [Fact]
    public async Task The_depth_counts_waiting_and_running_jobs()
    {
        for (var i = 0; i < 5; i++)
            await SubmitAsync();
        var leased = await LeaseAsync(3);
        await Queue.CompleteAsync(leased[0].Lease, Result(leased[0].Lease), Stop);
        await Queue.ReleaseAsync(leased[1].Lease, default, Stop);
        Assert.Equal(new QueueDepth(3, 1), await Store.DepthAsync(Stop));
    }

    [Fact]
    public async Task The_shapes_count_waiting_jobs_by_picture_size()
    {
        foreach (var (width, height) in new[] { (512, 512), (512, 512), (512, 768), (256, 256), (256, 256) })
        {
            var submission = Submission();
            await Store.SubmitAsync(submission with { Request = submission.Request with { Width = width, Height = height } }, Stop);
        }
        var leased = await LeaseAsync(3); // both of 512x512 and the one of 512x768
        await Queue.ReleaseAsync(leased[1].Lease, default, Stop);
        await Store.CancelAsync(leased[2].Lease.Id, Stop);
        Assert.Equal([new(256, 256, 2), new(512, 512, 1)], (await Store.ShapesAsync(Stop)).OrderBy(s => s.Width));
    }

    [Fact]
    public async Task The_waiting_jobs_of_one_client_are_counted()
    {
        foreach (var (client, model) in new[] { ("a", Model), ("a", "other"), ("b", Model) })
            await SubmitAsync(client, model);
        Assert.Equal((2, 1, 0), (await Store.WaitingAsync("a", Stop), await Store.WaitingAsync("b", Stop), await Store.WaitingAsync("c", Stop)));
        await LeaseAsync(2);
        Assert.Equal((1, 0), (await Store.WaitingAsync("a", Stop), await Store.WaitingAsync("b", Stop)));
    }

    [Fact]
    public async Task A_list_is_newest_first_and_pages_without_gaps()
    {
        var ids = new List<JobId>();
        for (var i = 0; i < 7; i++)
            ids.Add(await SubmitAsync());
        var expected = ids.OrderByDescending(id => id.Value, StringComparer.Ordinal).ToList();
        var seen = new List<JobId>();
        JobId? before = null;
        do
        {
            var page = await Store.ListAsync(new JobQuery(3, before), Stop);
            Assert.InRange(page.Jobs.Count, 1, 3);
            seen.AddRange(page.Jobs.Select(j => j.Id));
            before = page.Next;
        }
        while (before is not null);
        Assert.Equal(expected, seen);
    }

    [Fact]
    public async Task A_page_that_ends_with_the_last_job_has_no_next()
    {
        await SubmitAsync();
        await SubmitAsync();
        Assert.Null((await Store.ListAsync(new JobQuery(2), Stop)).Next);
        Assert.NotNull((await Store.ListAsync(new JobQuery(1), Stop)).Next);
    }

    [Fact]
    public async Task A_list_can_be_of_one_state_and_one_client()
    {
        var a = await SubmitAsync("a");
        var running = (await LeaseOneAsync()).Job.Id;
        var b = await SubmitAsync("b");
        var a2 = await SubmitAsync("a");
        Assert.Equal(a, running);
        Assert.Equal([a], await IdsAsync(new JobQuery(Status: JobStatus.Running)));
        Assert.Equal(new[] { b, a2 }.ToHashSet(), (await IdsAsync(new JobQuery(Status: JobStatus.Queued))).ToHashSet());
        Assert.Equal(new[] { a, a2 }.ToHashSet(), (await IdsAsync(new JobQuery(Client: "a"))).ToHashSet());
        Assert.Equal([a2], await IdsAsync(new JobQuery(Status: JobStatus.Queued, Client: "a")));
        Assert.Empty(await IdsAsync(new JobQuery(Status: JobStatus.Failed)));
        Assert.Empty(await IdsAsync(new JobQuery(Client: "nobody")));
    }

    [Fact]
    public async Task Announced_models_are_listed_with_their_newest_description()
    {
        Assert.Empty(await Store.ListModelsAsync(Stop));
        await Queue.AnnounceAsync([Described("b"), Described("a")], new WorkerPace("w", []), Stop);
        await Queue.AnnounceAsync([Described("a") with { DefaultSteps = 9, SupportsImageToImage = true }], new WorkerPace("w", []), Stop);
        var models = await Store.ListModelsAsync(Stop);
        Assert.Equal(["a", "b"], models.Select(m => m.Id));
        Assert.Equal(Described("a") with { DefaultSteps = 9, SupportsImageToImage = true }, models[0]);
    }

    private async Task<List<JobId>> IdsAsync(JobQuery query) => [.. (await Store.ListAsync(query, Stop)).Jobs.Select(j => j.Id)];

    private static ModelDescription Described(string id) => new()
    {
        Id = id,
        Family = ModelFamily.StableDiffusionXl,
        SizeMultiple = 64,
        DefaultWidth = 256,
        DefaultHeight = 320,
        DefaultSteps = 20,
        DefaultGuidanceScale = 6.5f,
        DefaultScheduler = "euler_a",
        MaxClipSkip = 2,
        Hash = "00ff",
        CreatedAt = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero),
    };
}
