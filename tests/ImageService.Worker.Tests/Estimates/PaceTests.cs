using ImageService.Core;
using ImageService.Diffusion.Denoise;
using Microsoft.Extensions.Options;

namespace ImageService.Worker.Tests.Estimates;

/// <summary>The pace that a worker measures, and how others hear of it.</summary>
public sealed class PaceTests
{
    private readonly PaceMeter _meter = new(new RowPolicy { Budget = key => key.Height > 64 ? 4 : 8 }, Options.Create(new WorkerOptions { WorkerId = "w", LookAheadRows = 3 }));

    [Fact]
    public void It_is_that_of_the_steps_with_what_goes_besides_spread_over_the_units()
    {
        foreach (var rows in new[] { 2, 2, 4, 8, 6, 2, 8 })
            _meter.Turned(Step("m", rows), Seconds(rows));
        // Pictures are decoded in turns with a step and in turns without: 0.5 s for the 30 rows after the first call.
        _meter.Turned(Step("m", 2), Seconds(2) + 0.2);
        _meter.Turned(default(TurnReport) with { Worked = true, DecodeSeconds = 0.3 }, 0.3);
        _meter.Ended("m", 0.4);

        var pace = Assert.Single(_meter.Read().Models);
        Assert.Equal(("w", "m", 8, 11), (_meter.Read().WorkerId, pace.Model, pace.CallRows, pace.HeldRows));
        Assert.Equal(0.1, pace.CallSeconds, 1e-9);
        Assert.InRange(pace.UnitSeconds, (0.05 / 4096) + (0.5 / (33 * 4096)), (0.05 / 4096) + (0.5 / (31 * 4096)));
        Assert.Equal(4096, pace.RowUnits, 1e-6);
        Assert.Equal(0.4, pace.EndSeconds, 1e-9);
    }

    [Fact]
    public void Nothing_is_said_before_a_few_steps_were_seen_and_the_first_does_not_count()
    {
        _meter.Turned(Step("m", 2, seconds: 100), 100);
        for (var i = 0; i < 5; i++)
        {
            Assert.Empty(_meter.Read().Models);
            _meter.Turned(Step("m", 2), Seconds(2));
        }
        var pace = Assert.Single(_meter.Read().Models);
        Assert.Equal(Seconds(2), pace.CallSeconds + (pace.UnitSeconds * 2 * 4096), 1e-9);
    }

    [Fact]
    public void What_runs_beside_the_steps_is_counted_as_itself_and_not_as_slower_steps()
    {
        foreach (var rows in new[] { 2, 2, 4, 8, 6, 2, 8 })
            _meter.Turned(Step("m", rows) with { StepSeconds = 2 * Seconds(rows) }, 2 * Seconds(rows));
        var pace = Assert.Single(_meter.Read().Models);
        Assert.Equal(0.1, pace.CallSeconds, 1e-9);
        // As much again for the 30 rows after the first call: 6 calls of 0.1 s and 0.05 s a row.
        Assert.InRange(pace.UnitSeconds, (0.05 / 4096) + (2.1 / (31 * 4096)), (0.05 / 4096) + (2.1 / (29 * 4096)));
    }

    [Fact]
    public void Models_are_kept_apart_and_rows_are_those_of_the_sizes_drawn()
    {
        for (var i = 0; i < 8; i++)
        {
            _meter.Turned(Step("small", 2), 0.2);
            _meter.Turned(Step("large", 4, side: 128, seconds: 3), 3);
        }
        _meter.Ended("unheard of", 1);
        var paces = _meter.Read().Models.ToDictionary(m => m.Model);
        Assert.Equal(["large", "small"], paces.Keys.Order());
        Assert.Equal((8, 4), (paces["small"].CallRows, paces["large"].CallRows));
        Assert.Equal(3.0 / (4 * 128 * 128), paces["large"].UnitSeconds, 1e-12);
        Assert.Equal(128 * 128, paces["large"].RowUnits, 1e-6);
    }

    [Fact]
    public async Task A_worker_announces_what_its_own_steps_took_and_takes_it_back_at_the_end()
    {
        var scene = new WorkerScene(maxRows: 4);
        await using (scene)
        {
            scene.Model.OnPredict = _ => scene.Time.Advance(TimeSpan.FromMilliseconds(250));
            scene.Model.OnDecode = () => scene.Time.Advance(TimeSpan.FromMilliseconds(100));
            await scene.Announcer.StartAsync(default);
            await scene.Journal.Has("announce fake by test, measured: ");
            Assert.Empty(Assert.Single(scene.Queue.Paces).Models);
            scene.Put(WorkerScene.Request(steps: 8));
            await scene.StartAsync();
            await scene.Journal.Has("complete");
            await scene.Keeper.Runs.Select(r => r.Ended).FirstOrDefault(Task.CompletedTask);
            await scene.Time.Ring(TimeSpan.FromSeconds(15));
            await scene.Journal.Has("announce fake by test, measured: fake");
            // One picture of 2 rows of 2 x 2 latents: 8 calls and one decoding.
            var pace = scene.Queue.Paces.Last().Models.Single();
            Assert.Equal((4, 6, 4), (pace.CallRows, pace.HeldRows, pace.RowUnits));
            Assert.InRange(pace.CallSeconds + (pace.UnitSeconds * 2 * 4), 0.25, 0.25 + (0.1 / 7) + 0.001);
            Assert.Equal(0.1, pace.EndSeconds, 0.001);
            await scene.Announcer.StopAsync(default);
            Assert.Empty(scene.Queue.Paces.Last().Models);
        }
    }

    [Fact]
    public async Task An_announcement_that_the_store_refuses_is_made_again()
    {
        await using var scene = new WorkerScene();
        scene.Queue.FailNextCalls(1);
        await scene.Announcer.StartAsync(default);
        await scene.Journal.Has("outage");
        Assert.False(scene.Announcer.Announced);
        await scene.Time.Ring(TimeSpan.FromSeconds(2));
        await scene.Journal.Has("announce fake");
    }

    private static double Seconds(int rows) => 0.1 + (0.05 * rows);

    private static TurnReport Step(string model, int rows, int side = 64, double? seconds = null) =>
        new(true, new BatchKey(model, side, side, 77), RequestCost.OfRow(side * 8, side * 8), rows, rows, seconds ?? Seconds(rows), seconds ?? Seconds(rows), 0, 0, 0, 0);
}
