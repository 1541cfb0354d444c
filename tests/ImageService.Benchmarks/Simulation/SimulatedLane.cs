using ImageService.Diffusion.Denoise;

namespace ImageService.Benchmarks.Simulation;

/// <summary>
/// The engine's side lane on the same device: while U-Net and a piece want it at the same time, each gets half of it, so that together they take as long as one
/// after the other.
/// </summary>
internal sealed class SimulatedLane(VirtualTime time) : ISideLane
{
    private Action? _done;
    private double _left; // seconds that the device still needs for the piece
    private bool _working;

    public bool Busy => _done is not null;

    public void Run(Action work, Action done)
    {
        _left = 0;
        _working = true;
        // The piece looks at the clock itself: for it, and for it alone, its time passes here.
        time.Aside(work);
        _working = false;
        _done = done;
    }

    /// <summary>The device works for so long, for the piece that is being run or, beside the lane, for the engine.</summary>
    public void Take(double seconds)
    {
        if (_working)
        {
            _left += seconds;
            time.Advance(seconds);
            return;
        }
        var shared = Busy ? Math.Min(seconds, _left) : 0;
        _left -= shared;
        time.Advance(seconds + shared);
    }

    /// <summary>Between two turns of the engine: a piece that has come to its end is given back.</summary>
    public void Deliver()
    {
        if (Busy && _left <= 0)
            GiveBack();
    }

    /// <summary>Nothing else wants the device until then.</summary>
    /// <param name="until">Seconds of the clock.</param>
    public void WorkAlone(double until)
    {
        var seconds = until - time.Seconds;
        if (_left <= seconds)
        {
            time.Advance(_left);
            _left = 0;
        }
        else
        {
            _left -= Math.Max(0, seconds);
            time.AdvanceTo(until);
        }
        Deliver();
    }

    private void GiveBack()
    {
        var done = _done!;
        _done = null;
        done();
    }
}
