namespace ImageService.Diffusion.Denoise;

/// <summary>What goes to the side lane, in the order in which it came. The lane has one piece at a time, so no more than one needs working memory.</summary>
internal sealed class SideQueue(ISideLane lane, TimeProvider time)
{
    private readonly Queue<SidePiece> _waiting = new();
    private readonly Queue<SidePiece> _done = new();
    private SidePiece? _running;

    public bool Busy => _running is not null;

    /// <summary>Pictures that wait for the decoder or are in it.</summary>
    public int Pictures { get; private set; }

    /// <summary>The lane works with the model, or will: for a job that was canceled, too.</summary>
    public bool Uses(IDiffusionModel model) => ReferenceEquals(_running?.Model, model) || _waiting.Any(p => ReferenceEquals(p.Model, model));

    public void Add(SidePiece piece)
    {
        _waiting.Enqueue(piece);
        Pictures += piece is DecodePiece ? 1 : 0;
        StartNext();
    }

    /// <returns>A piece that was done, its job still wanted; null if there is none.</returns>
    public SidePiece? TakeDone()
    {
        while (_done.TryDequeue(out var piece))
        {
            if (piece.Job.Phase != JobPhase.Gone)
                return piece;
        }
        return null;
    }

    private void StartNext()
    {
        while (_running is null && _waiting.TryDequeue(out var piece))
        {
            if (piece.Job.Phase == JobPhase.Gone)
            {
                Leave(piece);
                continue;
            }
            _running = piece;
            lane.Run(() => piece.Run(time), () =>
            {
                _running = null;
                Leave(piece);
                _done.Enqueue(piece);
                StartNext();
            });
        }
    }

    private void Leave(SidePiece piece) => Pictures -= piece is DecodePiece ? 1 : 0;
}
