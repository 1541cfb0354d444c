namespace ImageService.Diffusion.Denoise;

/// <summary>
/// Text encoder and VAE work for jobs that come and go, done so that no batch is held up longer than a step: on the engine's thread while the <see cref="StepGap"/>
/// has room, in the next gap when it has none left, and on the side lane, beside the steps, when it fits into no gap.
/// </summary>
/// <param name="lane">Null = everything on the engine's thread: then a piece longer than a step holds the batches up for so long, one of each kind in a turn.</param>
/// <param name="ended">Gets each piece of a job that is still wanted.</param>
internal sealed class SideWork(ISideLane? lane, TimeProvider time, Action<SidePiece> ended)
{
    private readonly SideSlot? _slot = lane is null ? null : new SideSlot(lane, time);
    private readonly SideCosts _costs = new();
    private readonly StepGap _gap = new();
    private readonly Queue<DenoiseTask> _denoised = new();
    private bool _passedOver; // pictures, in the last gap
    private bool _laneDecodedLast;

    /// <summary>Some batch runs, and can be held up.</summary>
    public bool Running { private get; set; }

    /// <summary>Pictures that wait for the decoder or are in it.</summary>
    public int Undecoded => _denoised.Count + (_slot?.Decodes == true ? 1 : 0);

    /// <summary>A piece runs beside the steps.</summary>
    public bool Beside => _slot?.Busy == true;

    /// <summary>For a job that was canceled, too.</summary>
    public bool Uses(IDiffusionModel model) => _slot?.Uses(model) == true;

    /// <summary>Before anything else in a turn: ends what was done on the side lane.</summary>
    public void TakeBack()
    {
        _gap.BesideLane = Beside;
        if (_slot?.TakeDone() is { } piece)
            End(piece, aside: true);
    }

    /// <summary>A step has ended: what comes now stands before the next. Parameters as those of <see cref="StepGap.Begin"/>.</summary>
    public void Stepped(double? shortest, double stretch) => _gap.Begin(shortest, stretch);

    /// <summary>Whether to prepare a job now or after the next step.</summary>
    /// <param name="first">None was prepared since the last step.</param>
    public bool HasTimeFor(DenoiseJob job, IDiffusionModel model, bool first)
    {
        var seconds = _costs.OfPreparing(job, model);
        // The lane is for those who come and for pictures in turn.
        return GoesAside(seconds) ? LaneIsFree && (_laneDecodedLast || !PictureWaitsForLane)
            : _gap.HasRoomFor(seconds) || (first && (_slot is null || !Running));
    }

    public void Prepare(PreparePiece piece, bool mayGoAside) => Begin(piece, mayGoAside && GoesAside(_costs.OfPreparing(piece.Job, piece.Model)));

    /// <summary>A picture is ready for the decoder.</summary>
    public void Add(DenoiseTask picture) => _denoised.Enqueue(picture);

    /// <summary>Pictures were passed over in the last gap: now they go before those who come.</summary>
    public bool PicturesFirst => _passedOver;

    /// <summary>
    /// Decodes what the gap has time for. Where somebody came in this gap, the pictures wait for the next: so he is held up by no decoder, and their own
    /// callers by one step.
    /// </summary>
    /// <param name="joined">Somebody has come in this gap.</param>
    public void DecodePictures(bool joined)
    {
        _passedOver = joined && _denoised.Count > 0;
        if (_passedOver)
            return;
        for (var first = true; _denoised.TryPeek(out var picture);)
        {
            var wanted = picture.Job.Phase != JobPhase.Gone;
            var aside = DecodesAside(picture);
            if (wanted && !(aside ? LaneIsFree : MayDecode(picture, first)))
                return;
            _denoised.Dequeue();
            if (!wanted)
                continue;
            first &= aside;
            Begin(new DecodePiece(picture), aside);
        }
    }

    private bool PictureWaitsForLane => _denoised.TryPeek(out var picture) && DecodesAside(picture);

    private bool DecodesAside(DenoiseTask picture) =>
        GoesAside(_costs.OfDecoding(picture.Job, picture.Model)) || (Running && _slot is not null && picture.Model.DecodesBeside);

    // What begins beside a step takes up to a step's time from it: nothing else may have stood before that step.
    private bool LaneIsFree => !Beside && (!Running || _gap.IsUntouched);

    // Where nothing runs, one at a time: who comes need not wait for all.
    private bool MayDecode(DenoiseTask picture, bool first) => Running ? _gap.HasRoomFor(_costs.OfDecoding(picture.Job, picture.Model)) || (first && _slot is null) : first;

    // What has not been seen at work is tried on this thread while nothing runs.
    private bool GoesAside(double seconds) => _slot is not null && _gap.IsTooShortFor(seconds) && (Running || double.IsFinite(seconds));

    private void Begin(SidePiece piece, bool aside)
    {
        if (aside)
        {
            _laneDecodedLast = piece is DecodePiece;
            _gap.LaneBegins();
            _slot!.Run(piece);
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
