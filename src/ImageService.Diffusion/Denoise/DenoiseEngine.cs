namespace ImageService.Diffusion.Denoise;

/// <summary>
/// Draws pictures for many jobs at once, one U-Net call a turn. Jobs join and leave between steps, each with a scheduler, step count, guidance and seed of
/// its own. No thread of its own and no waiting in here: whoever owns it calls <see cref="Turn"/> while <see cref="HasWork"/>, and all else between turns.
/// </summary>
/// <remarks>
/// A turn encodes prompts of arrivals, decodes finished pictures, and runs one step of one batch. Between two steps, encoding and decoding take no longer than
/// a step (<see cref="StepGap"/>): what does not fit waits for the next gap, and what fits into none goes to the side lane, if there is one, and runs beside the
/// steps. What goes wrong ends the jobs concerned and nothing else.
/// </remarks>
public sealed partial class DenoiseEngine
{
    private const int MaxGroups = 4;
    private const int AgeLimit = 64; // steps or turns
    private const int MostUndecoded = 16; // pictures; nobody joins while more wait for the decoder
    private readonly RowPolicy _rowPolicy;
    private readonly JobPreparation _preparation;
    private readonly TimeProvider _time;

    // A job's way through the engine, from top to bottom; while its pictures are in the lower three it is in _drawing.
    private readonly ArrivalLine _arrived;
    private readonly List<DenoiseJob> _drawing = [];
    private readonly StepBatcher<DenoiseTask> _batcher;
    private readonly Dictionary<GroupKey, StepRunner> _runners = [];
    private readonly SideWork _side;
    private readonly Func<DenoiseJob, IDiffusionModel, bool> _mayPrepare;
    private TurnReport _report;
    private long _turn;

    /// <param name="lane">Null = everything on this thread: a piece longer than a step then holds batches up.</param>
    public DenoiseEngine(RowPolicy rowPolicy, JobPreparation preparation, IModelSource models, TimeProvider time, ISideLane? lane = null)
    {
        _rowPolicy = rowPolicy;
        _preparation = preparation;
        _time = time;
        _side = new SideWork(lane, time, End);
        _mayPrepare = MayPrepare;
        _batcher = new StepBatcher<DenoiseTask>(rowPolicy, _side.Add, MaxGroups, AgeLimit);
        _arrived = new ArrivalLine(models, model => _drawing.Exists(job => ReferenceEquals(job.Model, model)) || _side.Uses(model), AgeLimit);
    }

    public bool HasWork => _arrived.Count > 0 || _drawing.Count > 0;

    /// <summary>Some job is past its admission.</summary>
    public bool Draws => _drawing.Count > 0;

    public void Add(DenoiseJob job)
    {
        ArgumentNullException.ThrowIfNull(job);
        if (job.Phase != JobPhase.New)
            throw new InvalidOperationException("The job has been added before.");
        job.Phase = JobPhase.Arrived;
        job.AddedAt = _time.GetTimestamp();
        _arrived.Add(job);
    }

    /// <summary>Drops a job: its rows are free for the next step. No effect on one that has ended.</summary>
    public void Cancel(DenoiseJob job)
    {
        ArgumentNullException.ThrowIfNull(job);
        Remove(job);
    }

    /// <summary>Takes a job out and gives what another engine needs to go on with it and draw the identical pictures.</summary>
    /// <returns>Empty if it has not begun; null if it has ended, and its listener heard so.</returns>
    public ReadOnlyMemory<byte>? Save(DenoiseJob job)
    {
        ArgumentNullException.ThrowIfNull(job);
        var state = job.Phase switch
        {
            JobPhase.Arrived or JobPhase.Preparing => (ReadOnlyMemory<byte>?)job.State,
            JobPhase.Drawing => JobState.Save(job.Tasks, job.Model!.Info),
            _ => null,
        };
        Remove(job);
        return state;
    }

    /// <summary>Ends every job with the same failure.</summary>
    public void FailAll(DenoiseFailure failure)
    {
        foreach (var job in _arrived.Jobs.Concat(_drawing).ToList())
            Fail(job, failure);
    }

    /// <summary>Drops the buffers made for a model that is about to be unloaded.</summary>
    public void Forget(IDiffusionModel model)
    {
        foreach (var (key, runner) in _runners)
        {
            if (ReferenceEquals(runner.Model, model))
                _runners.Remove(key);
        }
    }

    /// <exception cref="DeviceLostException">Nothing can be drawn any more. The jobs are as they were after their last step: <see cref="Save"/> gives their state.</exception>
    public TurnReport Turn()
    {
        _turn++;
        _report = default;
        _side.TakeBack();
        var picturesFirst = _side.PicturesFirst;
        if (picturesFirst)
            _side.DecodePictures(joined: false);
        AdmitArrivals();
        if (!picturesFirst)
            _side.DecodePictures(joined: _report.Prepared > 0);
        StepOneGroup();
        _side.Stepped(ShortestStep(), _report.SecondsAlone > 0 ? _report.StepSeconds / _report.SecondsAlone : 1);
        _side.Running = _batcher.RunningCount > 0;
        return _report;
    }

    private void AdmitArrivals()
    {
        while (_arrived.Next(_turn, _mayPrepare) is { } arrival)
        {
            Admit(arrival);
            _report = _report with { Worked = true };
        }
    }

    private bool MayPrepare(DenoiseJob job, IDiffusionModel model)
    {
        // A static batch is made of everyone who is here when it starts.
        return (_rowPolicy.Batching.IsStatic() && _batcher.RunningCount == 0) || _side.HasTimeFor(job, model, first: _report.Prepared == 0);
    }

    private void Admit(Arrival arrival)
    {
        var job = arrival.Job;
        job.Phase = JobPhase.Preparing;
        _drawing.Add(job);
        if (arrival.Failure is DeviceLostException lost)
            throw new DeviceLostException(lost.Message, lost);
        if (arrival.Model is null)
        {
            Fail(job, new DenoiseFailure("model_unavailable", $"The model '{job.Request.Model}' could not be loaded: {arrival.Failure!.Message}", Retry: true, arrival.Failure));
            return;
        }
        _side.Prepare(new PreparePiece(job, arrival.Model, _preparation), mayGoAside: !_rowPolicy.Batching.IsStatic());
    }

    private void End(SidePiece piece)
    {
        if (piece.Lost is { } lost)
            throw new DeviceLostException(lost.Message, lost);
        _report = _report with { Worked = true };
        if (piece.Failure is { } failure)
            Fail(piece.Job, failure);
        else if (piece is PreparePiece preparation)
            Prepared(preparation);
        else
            Decoded((DecodePiece)piece);
    }

    private void Prepared(PreparePiece piece)
    {
        var job = piece.Job;
        _report = _report with { Prepared = _report.Prepared + 1, PrepareSeconds = _report.PrepareSeconds + piece.Seconds };
        job.Prepared(piece.Model, piece.Result!);
        job.EncodeSeconds = piece.Seconds;
        job.Listener.Progress(job.MeanStep(), job.Steps);
        foreach (var task in job.Tasks)
        {
            if (!task.Denoised)
            {
                _batcher.Add(task);
                continue;
            }
            job.Listener.Denoised();
            _side.Add(task);
        }
    }

    private void Decoded(DecodePiece piece)
    {
        var (task, job) = (piece.Task, piece.Job);
        _report = _report with { Decoded = _report.Decoded + 1, DecodeSeconds = _report.DecodeSeconds + piece.Seconds };
        job.DecodeSeconds += piece.Seconds;
        job.Decoded++;
        job.Listener.Picture(new DecodedPicture(task.Model.Info.Description, task.Index, task.Seed, job.Request.Width, job.Request.Height, piece.Rgb, task.MostRows));
        if (job.Decoded == job.Tasks.Length)
            Finish(job);
    }

    private void Finish(DenoiseJob job)
    {
        Remove(job);
        var admission = job.FirstStepAt == 0 ? 0 : _time.GetElapsedTime(job.AddedAt, job.FirstStepAt).TotalSeconds;
        var denoise = _time.GetElapsedTime(job.FirstStepAt, job.LastStepAt).TotalSeconds;
        job.Listener.Finished(new DenoiseSummary(job.Model!.Info.Description, job.Warnings, admission, job.EncodeSeconds, denoise, job.DecodeSeconds, job.RowSteps()));
    }

    private void Fail(DenoiseJob job, DenoiseFailure failure)
    {
        if (job.Phase == JobPhase.Gone)
            return;
        Remove(job);
        job.Listener.Failed(failure);
    }

    private void Remove(DenoiseJob job)
    {
        if (job.Phase == JobPhase.Arrived)
            _arrived.Remove(job);
        job.Phase = JobPhase.Gone;
        if (!_drawing.Remove(job))
            return;
        foreach (var task in job.Tasks)
            _batcher.Remove(task);
    }

    private double Seconds(long since) => _time.GetElapsedTime(since).TotalSeconds;
}
