using ImageService.Diffusion.Denoise;

namespace ImageService.Diffusion.Tests.Denoise;

/// <summary>A side lane whose pieces come to their end when the test says so.</summary>
internal sealed class ManualLane : ISideLane
{
    private (Action Work, Action Done)? _piece;

    public bool Busy => _piece is not null;

    public int Pieces { get; private set; }

    public void Run(Action work, Action done)
    {
        Assert.False(Busy, "The lane gets one piece at a time.");
        _piece = (work, done);
        Pieces++;
    }

    public void Finish()
    {
        var (work, done) = _piece!.Value;
        work();
        _piece = null;
        done();
    }
}
