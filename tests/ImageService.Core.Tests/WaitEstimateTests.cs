namespace ImageService.Core.Tests;

public sealed class WaitEstimateTests
{
    // 2 rows of 64 x 64 latents, 20 steps.
    private const long OneCost = 2 * 20 * 4096;
    private static readonly DateTimeOffset Now = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);
    private static readonly GenerationRequest Request = Requests.Of(512, 512);

    // A call of 8 rows takes 0.1 + 0.3 s, of 2 rows 0.175 s: of many jobs one is done every 2 s.
    private static readonly ModelPace Pace = new()
    {
        Model = "m", CallSeconds = 0.1, UnitSeconds = 0.3 / (8 * 4096), RowUnits = 4096, CallRows = 8, HeldRows = 8, EndSeconds = 0.5,
    };

    [Fact]
    public void On_an_idle_worker_a_job_starts_now_and_has_the_calls_to_itself() =>
        AssertTimes(start: 0, finish: (20 * 0.175) + 0.5, Queued(default));

    [Fact]
    public void While_rows_are_free_a_job_starts_now_and_shares_calls() =>
        AssertTimes(0, (20 * (0.1 + (6 * 0.0375))) + 0.5, Queued(new QueueLoad(0, 2 * OneCost, OneCost, 4)));

    // Four jobs, half done on average, give back a row every second.
    [Fact]
    public void With_all_rows_taken_a_job_waits_for_the_first() =>
        AssertTimes(1, 1 + 8.5, Queued(new QueueLoad(0, 4 * OneCost, 2 * OneCost, 8)));

    [Theory]
    [InlineData(1)]
    [InlineData(10)]
    [InlineData(1000)]
    public void Each_job_ahead_delays_it_by_its_share_of_the_device(int jobs) =>
        AssertTimes(1 + (2 * jobs), 1 + (2 * jobs) + 8.5, Queued(new QueueLoad(jobs * OneCost, 4 * OneCost, 2 * OneCost, 8)));

    [Fact]
    public void Jobs_that_have_just_begun_delay_it_and_jobs_about_to_end_do_not()
    {
        AssertTimes(1 + 4, 1 + 4 + 8.5, Queued(new QueueLoad(0, 4 * OneCost, 4 * OneCost, 8)));
        AssertTimes(0, 8.5, Queued(new QueueLoad(0, 4 * OneCost, 0, 8)));
    }

    [Fact]
    public void Rows_held_beyond_a_call_wait_in_the_engine()
    {
        var looksAhead = For(Pace with { HeldRows = 10 });
        // Two of ten rows have not begun: 3 of 5 jobs are left as a rule. A row after 1 s; then 2 rows are before it in the engine.
        AssertTimes(1, 1 + 2 + 8.5, looksAhead.Of(Request, JobStatus.Queued, 0, 0, new QueueLoad(0, 5 * OneCost, 3 * OneCost, 10), Now));
        AssertTimes(null, 2 + 8.5, looksAhead.Of(Request, JobStatus.Running, 0, 20, new QueueLoad(0, 5 * OneCost, 3 * OneCost, 10), Now));
    }

    [Fact]
    public void Two_workers_draw_twice_as_fast_and_a_slow_one_adds_what_it_can()
    {
        var load = new QueueLoad(10 * OneCost, 8 * OneCost, 4 * OneCost, 16);
        var two = WaitEstimate.For("m", [new WorkerPace("a", [Pace]), new WorkerPace("b", [Pace])])!;
        AssertTimes(10.5, 10.5 + 8.5, two.Of(Request, JobStatus.Queued, 0, 0, load, Now));
        var slow = Pace with { CallSeconds = 0.3, UnitSeconds = 0.9 / (8 * 4096) };
        var uneven = WaitEstimate.For("m", [new WorkerPace("a", [Pace]), new WorkerPace("b", [slow])])!;
        AssertTimes(21 / (1 + (1 / 3.0)), (21 / (1 + (1 / 3.0))) + (20 * 0.8) + 0.5, uneven.Of(Request, JobStatus.Queued, 0, 0, load, Now));
    }

    [Fact]
    public void A_running_job_ends_after_its_steps_left()
    {
        AssertTimes(null, (15 * 0.4) + 0.5, For(Pace).Of(Request, JobStatus.Running, 5, 20, new QueueLoad(0, 4 * OneCost, OneCost, 8), Now));
        AssertTimes(null, (15 * 0.175) + 0.5, For(Pace).Of(Request, JobStatus.Running, 5, 20, new QueueLoad(0, OneCost, OneCost, 2), Now));
        AssertTimes(null, 0.5, For(Pace).Of(Request, JobStatus.Running, 20, 20, new QueueLoad(0, OneCost, 0, 2), Now));
    }

    [Fact]
    public void A_job_handed_back_has_only_its_steps_left() =>
        AssertTimes(0, (5 * 0.175) + 0.5, For(Pace).Of(Request, JobStatus.Queued, 15, 20, default(QueueLoad), Now));

    [Fact]
    public void More_pictures_than_a_call_takes_are_drawn_one_after_the_other() =>
        AssertTimes(0, (20 * 3 * 0.4) + 0.5, For(Pace).Of(Request with { NumImages = 12 }, JobStatus.Queued, 0, 0, default(QueueLoad), Now));

    [Fact]
    public void What_is_not_known_is_not_told()
    {
        Assert.Null(WaitEstimate.For("m", []));
        Assert.Null(WaitEstimate.For("m", [new WorkerPace("a", [Pace with { Model = "n" }])]));
        Assert.Null(WaitEstimate.For("m", [new WorkerPace("a", [Pace with { CallSeconds = 0, UnitSeconds = 0 }])]));
        Assert.Equal(default, For(Pace).Of(Request, JobStatus.Queued, 0, 0, null, Now));
        Assert.Equal(default, For(Pace).Of(Request, JobStatus.Succeeded, 20, 20, default(QueueLoad), Now));
    }

    [Fact]
    public void A_place_is_free_when_as_much_is_drawn_as_a_waiting_job_costs_on_average() =>
        Assert.Equal(3 * 2, For(Pace).PerPlace(300 * OneCost, 100).TotalSeconds, 6);

    [Fact]
    public void No_time_is_in_the_past_or_out_of_order_whatever_stands_in_the_store()
    {
        var random = new Random(1);
        for (var i = 0; i < 10_000; i++)
        {
            var held = random.NextInt64(0, 1L << random.Next(1, 50));
            var load = new QueueLoad(random.NextInt64(0, 1L << random.Next(1, 62)), held, random.NextInt64(0, held + 1), random.Next(0, 3000));
            var steps = random.Next(0, 50);
            var pace = Pace with { HeldRows = 8 + random.Next(0, 9), CallSeconds = random.NextDouble(), EndSeconds = random.NextDouble() };
            var request = Request with { NumImages = random.Next(1, 17), Width = 64 * random.Next(1, 32) };
            var queued = For(pace).Of(request, JobStatus.Queued, random.Next(0, steps + 1), steps, load, Now);
            Assert.True(queued.StartAt >= Now && queued.FinishAt >= queued.StartAt);
            Assert.True(For(pace).Of(request, JobStatus.Running, random.Next(0, steps + 1), steps, load, Now).FinishAt >= Now);
        }
    }

    private static WaitEstimate For(ModelPace pace) => WaitEstimate.For("m", [new WorkerPace("w", [pace])])!;

    private static JobTimes Queued(QueueLoad load) => For(Pace).Of(Request, JobStatus.Queued, 0, 0, load, Now);

    private static void AssertTimes(double? start, double finish, JobTimes times)
    {
        Assert.Equal(start.HasValue, times.StartAt.HasValue);
        if (start is { } seconds)
            Assert.Equal(seconds, (times.StartAt!.Value - Now).TotalSeconds, 0.002);
        Assert.Equal(finish, (times.FinishAt!.Value - Now).TotalSeconds, 0.002);
    }
}
