namespace ImageService.Diffusion.Denoise;

/// <summary>The side lane with the piece that it has: one at a time, so that no more than one needs working memory and the steps share the device with no more.</summary>
internal sealed class SideSlot(ISideLane lane, TimeProvider time)
{
    private SidePiece? _running;
    private SidePiece? _done;

    public bool Busy => _running is not null;

    /// <summary>A picture is in the decoder there, that of a canceled job too.</summary>
    public bool Decodes => _running is DecodePiece;

    /// <summary>The lane works with the model, for a job that was canceled, too.</summary>
    public bool Uses(IDiffusionModel model) => ReferenceEquals(_running?.Model, model);

    public void Run(SidePiece piece)
    {
        _running = piece;
        lane.Run(() => piece.Run(time), () => (_running, _done) = (null, piece));
    }

    /// <returns>The piece that was done since the last call, its job still wanted; null if there is none.</returns>
    public SidePiece? TakeDone()
    {
        var piece = _done;
        _done = null;
        return piece?.Job.Phase == JobPhase.Gone ? null : piece;
    }
}
