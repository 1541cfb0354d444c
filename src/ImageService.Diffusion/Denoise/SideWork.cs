namespace ImageService.Diffusion.Denoise;

/// <summary>
/// Text encoder and VAE work for jobs that come and go, done so that no batch is held up longer than a step: on the engine's thread while the <see cref="StepGap"/>
/// has room, in the next gap when it has none left, and on the side lane, beside the steps, when it fits into no gap.
/// </summary>
/// <param name="lane">Null = everything on the engine's thread: then a piece longer than a step holds the batches up for so long, one of each kind in a turn.</param>
/// <param name="ended">Gets each piece of a job that is still wanted.</param>
internal sealed class SideWork(ISideLane? lane, TimeProvider time, Action<SidePiece> ended)
{
    private readonly SideQueue? _queue = lane is null ? null : new SideQueue(lane, time);
    private readonly SideCosts _costs = new();
    private readonly StepGap _gap = new();
    private readonly Queue<DenoiseTask> _denoised = new();
    private double _putOff; // seconds of the preparation that found no room in this gap

    /// <summary>Some batch runs, and can be held up.</summary>
    public bool Running { private get; set; }

    /// <summary>Pictures that wait for the decoder or are in it.</summary>
    public int Undecoded => _denoised.Count + (_queue?.Pictures ?? 0);

    /// <summary>What a step that took so long takes when no piece runs beside it.</summary>
    public double Alone(double seconds) => BesideSteps ? seconds / SideCosts.BesideSteps : seconds;

    /// <summary>For a job that was canceled, too.</summary>
    public bool Uses(IDiffusionModel model) => _queue?.Uses(model) == true;

    /// <summary>Ends what was done on the side lane.</summary>
    public void TakeBack()
    {
        while (_queue?.TakeDone() is { } piece)
            End(piece, aside: true);
        _gap.BesideLane = BesideSteps;
    }

    /// <summary>A step has ended: what comes now stands before the next.</summary>
    /// <param name="shortest">As in <see cref="StepGap.Begin"/>.</param>
    public void Stepped(double? shortest) => _gap.Begin(shortest);

    /// <summary>Whether to prepare a job now or after the next step.</summary>
    /// <param name="first">None was prepared since the last step.</param>
    public bool HasTimeFor(DenoiseJob job, IDiffusionModel model, bool first)
    {
        var seconds = _costs.OfPreparing(job, model);
        var now = GoesAside(seconds) || _gap.HasRoomFor(seconds) || (first && (_queue is null || !Running));
        _putOff = now ? 0 : seconds;
        return now;
    }

    public void Prepare(PreparePiece piece, bool mayGoAside) => Begin(piece, mayGoAside && GoesAside(_costs.OfPreparing(piece.Job, piece.Model)));

    /// <summary>A picture is ready for the decoder.</summary>
    public void Add(DenoiseTask picture) => _denoised.Enqueue(picture);

    public void DecodePictures()
    {
        for (var first = true; _denoised.TryPeek(out var picture);)
        {
            var wanted = picture.Job.Phase != JobPhase.Gone;
            var seconds = _costs.OfDecoding(picture.Job, picture.Model);
            var aside = GoesAside(seconds);
            if (wanted && !aside)
            {
                if (!MayDecode(seconds, first))
                    return;
                first = false;
            }
            _denoised.Dequeue();
            if (wanted)
                Begin(new DecodePiece(picture), aside);
        }
    }

    private bool BesideSteps => _queue?.Busy == true;

    // Room is left for the preparation that had none, else pictures might keep jobs out for ever. Where nothing runs, one at a time: who comes need not wait for all.
    private bool MayDecode(double seconds, bool first) =>
        Running ? _gap.HasRoomFor(seconds + _putOff) || (first && _queue is null) : first;

    // What has not been seen at work is tried on this thread while nothing runs.
    private bool GoesAside(double seconds) => _queue is not null && _gap.IsTooShortFor(seconds) && (Running || double.IsFinite(seconds));

    private void Begin(SidePiece piece, bool aside)
    {
        if (aside)
        {
            _queue!.Add(piece);
            _gap.BesideLane = true;
            return;
        }
        piece.Run(time);
        _gap.Spend(piece.Seconds);
        End(piece, aside: false);
    }

    private void End(SidePiece piece, bool aside)
    {
        _costs.Learn(piece, aside);
        ended(piece);
    }
}
