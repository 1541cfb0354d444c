using ImageService.Benchmarks.Simulation;
using ImageService.Diffusion.Denoise;

namespace ImageService.Diffusion.Tests.Denoise;

/// <summary>Decoding and encoding on the engine's thread and beside it, on a clock that the test turns: a step takes 10 ms.</summary>
public sealed class SideWorkTests
{
    private readonly VirtualTime _time = new();
    private readonly ManualLane _lane = new();
    private readonly EngineScene _scene;
    private double _decode = 0.004;
    private int _decodedInGap;
    private int _mostInGap;

    public SideWorkTests()
    {
        _scene = new EngineScene(maxRows: 32, time: _time, lane: _lane);
        _scene.Model.OnPredict = _ =>
        {
            _decodedInGap = 0;
            _time.Advance(0.010);
        };
        _scene.Model.OnDecode = () =>
        {
            _mostInGap = Math.Max(_mostInGap, ++_decodedInGap);
            _time.Advance(_decode);
        };
        // The first picture is decoded while nothing runs, and tells what a picture costs.
        _scene.Add(EngineScene.Request(steps: 2));
        _scene.Run();
        Assert.Equal(0, _lane.Pieces);
    }

    [Fact]
    public void Between_two_steps_as_many_pictures_are_decoded_as_a_step_has_time_for()
    {
        var (leavers, _) = Leave(8);
        _scene.Run();
        Assert.Equal(2, _mostInGap);
        Assert.Equal(0, _lane.Pieces);
        Assert.All(leavers, l => Assert.NotNull(l.Heard.Summary));
    }

    [Fact]
    public void A_picture_that_takes_longer_than_a_step_is_decoded_beside_the_steps_one_at_a_time()
    {
        var (leavers, stayer) = Leave(3, width: 48);
        _scene.Run(5);
        Assert.True(_lane.Busy);
        var steps = stayer.Steps.Count;
        _scene.Run(3);
        Assert.Equal(steps + 3, stayer.Steps.Count);
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(i, leavers.Count(l => l.Heard.Ended));
            _lane.Finish();
            _scene.Run(1);
        }
        Assert.All(leavers, l => Assert.Equal(EngineScene.Alone(l.Job.Request), EngineScene.Latents(l.Job)));
        Assert.All(leavers, l => Assert.Equal(EngineScene.Request().Width * 3 * 16 * 3, Assert.Single(l.Heard.Pictures).Rgb.Length));
    }

    [Fact]
    public void Where_device_and_host_take_turns_every_picture_is_decoded_beside_the_steps()
    {
        _scene.Model.DecodesBeside = true;
        var (leavers, stayer) = Leave(2);
        _scene.Run(5);
        Assert.True(_lane.Busy);
        var steps = stayer.Steps.Count;
        _lane.Finish();
        _scene.Run(2);
        Assert.Equal((1, true), (leavers.Count(l => l.Heard.Ended), _lane.Busy));
        Assert.Equal(steps + 2, stayer.Steps.Count);
        _lane.Finish();
        _scene.Run();
        Assert.All(leavers, l => Assert.Equal(EngineScene.Alone(l.Job.Request), EngineScene.Latents(l.Job)));
    }

    [Fact]
    public void Rows_of_a_picture_that_waits_for_the_decoder_are_free()
    {
        var scene = new EngineScene(maxRows: 2, time: _time, lane: new ManualLane());
        scene.Model.OnPredict = _ => _time.Advance(0.010);
        scene.Model.OnDecode = () => _time.Advance(0.100);
        for (var i = 0; i < 3; i++)
            scene.Add(EngineScene.Request(seed: i, steps: 3));
        Assert.Equal(9, RowsOf(scene, turns: 30));
    }

    [Fact]
    public void Nobody_joins_while_many_pictures_wait_for_the_decoder()
    {
        var lane = new ManualLane();
        var scene = new EngineScene(maxRows: 2, time: _time, lane: lane);
        scene.Model.OnPredict = _ => _time.Advance(0.010);
        scene.Model.OnDecode = () => _time.Advance(0.100);
        for (var i = 0; i < 40; i++)
            scene.Add(EngineScene.Request(seed: i, steps: 1));
        RowsOf(scene, turns: 200);
        // The first was decoded while nothing ran.
        Assert.InRange(scene.Model.Calls.Count, 16, 18);
        while (scene.Engine.HasWork)
        {
            if (lane.Busy)
                lane.Finish();
            scene.Engine.Turn();
        }
        Assert.Equal(40, scene.Model.Calls.Count);
    }

    [Fact]
    public void A_job_dropped_while_its_picture_is_decoded_hears_nothing_and_its_model_stays_in_use()
    {
        var (leavers, _) = Leave(2, width: 48);
        _scene.Run(5);
        foreach (var (job, _) in leavers)
            _scene.Engine.Cancel(job);
        _scene.Run(2);
        _lane.Finish();
        _scene.Run(2);
        Assert.False(_lane.Busy);
        Assert.All(leavers, l => Assert.False(l.Heard.Ended));
    }

    [Fact]
    public void A_decoder_that_fails_beside_the_steps_fails_its_job_alone()
    {
        var (leavers, stayer) = Leave(1, width: 48);
        _scene.Run(5);
        _scene.Model.OnDecode = () => throw new NotFiniteNumberException("NaN");
        _lane.Finish();
        _scene.Model.OnDecode = null;
        _scene.Run();
        Assert.Equal("numeric", leavers[0].Heard.Failure!.Code);
        Assert.NotNull(stayer.Summary);
    }

    [Fact]
    public void A_job_saved_while_its_picture_is_decoded_goes_on_elsewhere()
    {
        var (leavers, _) = Leave(1, width: 48);
        _scene.Run(5);
        var state = _scene.Engine.Save(leavers[0].Job);
        _lane.Finish();
        _scene.Run(1);
        Assert.False(leavers[0].Heard.Ended);

        var other = new EngineScene();
        var (job, heard) = other.Add(leavers[0].Job.Request, state!.Value);
        other.Run();
        Assert.NotNull(heard.Summary);
        Assert.Empty(other.Model.Calls);
        Assert.Equal(EngineScene.Alone(job.Request), EngineScene.Latents(job));
    }

    [Fact]
    public void A_picture_waits_one_gap_for_those_who_come_and_then_goes_before_them()
    {
        var (leavers, _) = Leave(1);
        _scene.Run(2);
        for (var gap = 0; gap < 2; gap++)
        {
            var comer = _scene.Add(EngineScene.Request(seed: 10 + gap, steps: 3)).Heard;
            _scene.Run(1);
            Assert.Equal(1, comer.Steps[^1].Step);
            Assert.Equal(gap == 1, leavers[0].Heard.Ended);
        }
    }

    // Unguided jobs that all end with their second step, and one that goes on.
    private (List<(DenoiseJob Job, RecordingListener Heard)> Leavers, RecordingListener Stayer) Leave(int count, int width = 16)
    {
        if (width > 16)
            _decode *= 3;
        var stayer = _scene.Add(EngineScene.Request(steps: 40)).Heard;
        var leavers = Enumerable.Range(0, count).Select(i => _scene.Add(EngineScene.Request(seed: i, steps: 2, guidance: 1) with { Width = width })).ToList();
        return (leavers, stayer);
    }

    private static int RowsOf(EngineScene scene, int turns)
    {
        for (var turn = 0; turn < turns && scene.Engine.HasWork; turn++)
            scene.Engine.Turn();
        return scene.Model.Calls.Count;
    }
}
