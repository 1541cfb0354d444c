using System.Globalization;
using ImageService.Core;

namespace ImageService.Diffusion.Denoise;

/// <summary>
/// Draws pictures for many jobs at once, one U-Net call a turn. Jobs join and leave between steps, each with a scheduler, step count, guidance and seed of
/// its own. No threads and no waiting in here: whoever owns it calls <see cref="Turn"/> while <see cref="HasWork"/>, and all else between turns.
/// </summary>
/// <remarks>
/// A turn admits arrivals (prompts encoded, for at most about a quarter of a step's time), runs one step of one batch, and decodes at most one finished
/// picture, so that a running batch is never held up for longer than that. What goes wrong ends the jobs concerned and nothing else.
/// </remarks>
public sealed class DenoiseEngine
{
    private const double EncodeShareOfStep = 0.25;
    private const int MaxGroups = 4;
    private const int AgeLimit = 64; // steps or turns
    private readonly RowPolicy _rowPolicy;
    private readonly JobPreparation _preparation;
    private readonly TimeProvider _time;

    // A job's way through the engine, from top to bottom; while its pictures are in the lower three it is in _drawing.
    private readonly ArrivalLine _arrived;
    private readonly List<DenoiseJob> _drawing = [];
    private readonly StepBatcher<DenoiseTask> _batcher;
    private readonly Dictionary<GroupKey, StepRunner> _runners = [];
    private readonly Queue<DenoiseTask> _denoised = new();
    private double _lastStepSeconds;
    private long _turn;

    public DenoiseEngine(RowPolicy rowPolicy, JobPreparation preparation, IModelSource models, TimeProvider time)
    {
        _rowPolicy = rowPolicy;
        _preparation = preparation;
        _time = time;
        _batcher = new StepBatcher<DenoiseTask>(rowPolicy, _denoised.Enqueue, MaxGroups, AgeLimit);
        _arrived = new ArrivalLine(models, model => _drawing.Exists(job => ReferenceEquals(job.Model, model)), AgeLimit);
    }

    public bool HasWork => _arrived.Count > 0 || _drawing.Count > 0;

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
            JobPhase.Arrived => (ReadOnlyMemory<byte>?)job.State,
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

    public TurnReport Turn()
    {
        _turn++;
        var (admitted, encodeSeconds) = AdmitArrivals();
        var (rows, paddedRows, stepSeconds, key, rowUnits) = StepOneGroup();
        var (decoded, decodeSeconds) = DecodeOne();
        return new TurnReport(admitted > 0 || rows > 0 || decoded, rows, paddedRows, stepSeconds, admitted, encodeSeconds, decodeSeconds, key, rowUnits);
    }

    private (int Admitted, double Seconds) AdmitArrivals()
    {
        var began = _time.GetTimestamp();
        var admitted = 0;
        // A static batch is made of everyone who is here when it starts.
        var wholeBatch = _rowPolicy.Batching.IsStatic() && _batcher.RunningCount == 0;
        while (_arrived.Next(_turn) is { } arrival)
        {
            Admit(arrival);
            admitted++;
            if (!wholeBatch && Seconds(began) >= _lastStepSeconds * EncodeShareOfStep)
                break;
        }
        return (admitted, admitted == 0 ? 0 : Seconds(began));
    }

    private void Admit(Arrival arrival)
    {
        var began = _time.GetTimestamp();
        var job = arrival.Job;
        job.Phase = JobPhase.Drawing;
        _drawing.Add(job);
        if (arrival.Model is null)
        {
            Fail(job, new DenoiseFailure("model_unavailable", $"The model '{job.Request.Model}' could not be loaded: {arrival.Failure!.Message}", Retry: true, arrival.Failure));
            return;
        }
        try
        {
            _preparation.Prepare(job, arrival.Model);
        }
        catch (ArgumentException e)
        {
            Fail(job, new DenoiseFailure("invalid_request", e.Message, Retry: false, e));
            return;
        }
        catch (Exception e)
        {
            Fail(job, new DenoiseFailure("model_failed", $"The prompt could not be encoded: {e.Message}", Retry: true, e));
            return;
        }
        job.EncodeSeconds = Seconds(began);
        job.Listener.Progress(job.MeanStep(), job.Steps);
        foreach (var task in job.Tasks)
        {
            if (task.Denoised)
                _denoised.Enqueue(task);
            else
                _batcher.Add(task);
        }
    }

    private (int Rows, int PaddedRows, double Seconds, BatchKey Key, double RowUnits) StepOneGroup()
    {
        if (_batcher.Next() is not { } group)
            return default;
        var began = _time.GetTimestamp();
        var (key, request) = (group.Key.Batch, group.Stepping[0].Job.Request);
        var rowUnits = RequestCost.OfRow(request.Width, request.Height);
        var rows = group.SteppingRows;
        var paddedRows = _rowPolicy.Padded(group.Key, rows + group.DeadRows);
        try
        {
            RunnerFor(group, paddedRows).Predict(group, paddedRows);
        }
        catch (Exception e)
        {
            _runners.Remove(group.Key);
            foreach (var task in group.Stepping)
                Fail(task.Job, new DenoiseFailure("model_failed", $"The U-Net failed: {e.Message}", Retry: true, e));
            return (rows, paddedRows, 0, key, rowUnits);
        }
        var runner = _runners[group.Key];
        for (int i = 0, row = 0; i < group.Stepping.Count; i++)
        {
            var task = group.Stepping[i];
            Advance(task, runner, row, began);
            row += task.Rows;
        }
        _lastStepSeconds = Seconds(began);
        return (rows, paddedRows, _lastStepSeconds, key, rowUnits);
    }

    private StepRunner RunnerFor(BatchGroup<DenoiseTask> group, int rows)
    {
        if (_runners.TryGetValue(group.Key, out var runner) && runner.Capacity >= rows)
            return runner;
        if (_runners.Count >= 2 * MaxGroups)
        {
            foreach (var key in _runners.Keys.Where(k => !_batcher.Groups.Any(g => g.Key == k)).ToList())
                _runners.Remove(key);
        }
        var capacity = Math.Max(rows, _rowPolicy.Padded(group.Key, _rowPolicy.Limit(group.Key)));
        return _runners[group.Key] = new StepRunner(group.Key, group.Stepping[0].Model, capacity);
    }

    private void Advance(DenoiseTask task, StepRunner runner, int row, long stepBegan)
    {
        var job = task.Job;
        if (job.Phase == JobPhase.Gone)
            return; // another picture of the same job failed in this very step
        var done = task.Step + 1 - task.FirstStep;
        var steps = task.Scheduler.StepCount - task.FirstStep;
        var look = job.Request.PreviewEvery > 0 && done % job.Request.PreviewEvery == 0 && done < steps;
        float[]? original;
        try
        {
            original = runner.Advance(task, row, look);
        }
        catch (Exception e)
        {
            Fail(job, new DenoiseFailure("model_failed", $"The noise scheduler failed: {e.Message}", Retry: false, e));
            return;
        }
        if (!StepRunner.IsFinite(task))
        {
            Fail(job, new DenoiseFailure("numeric", string.Create(CultureInfo.InvariantCulture,
                $"The latents of picture {task.Index} are not finite after step {done} of {steps}; usually a float16 U-Net or VAE that overflows: use a float32 export."), Retry: false));
            return;
        }
        job.FirstStepAt = job.FirstStepAt == 0 ? stepBegan : job.FirstStepAt;
        job.LastStepAt = _time.GetTimestamp();
        job.Listener.Progress(job.MeanStep(), steps);
        if (original is not null)
            job.Listener.Preview(new PreviewLatents(task.Model, task.Index, done, steps, original, task.Group.Batch.Height, task.Group.Batch.Width));
        if (task.Denoised)
            _batcher.Finish(task);
    }

    private (bool Decoded, double Seconds) DecodeOne()
    {
        while (_denoised.TryDequeue(out var task))
        {
            if (task.Job.Phase == JobPhase.Gone)
                continue;
            var began = _time.GetTimestamp();
            var request = task.Job.Request;
            var rgb = new byte[request.Width * request.Height * 3];
            try
            {
                task.Model.DecodeLatents(task.Group.Batch.Height, task.Group.Batch.Width, task.Latents, rgb);
            }
            catch (ArithmeticException e)
            {
                Fail(task.Job, new DenoiseFailure("numeric", $"The VAE decoder gave numbers that are not finite; usually a float16 VAE that overflows: use a float32 export. {e.Message}", Retry: false, e));
                return (true, 0);
            }
            catch (Exception e)
            {
                Fail(task.Job, new DenoiseFailure("model_failed", $"The VAE decoder failed: {e.Message}", Retry: true, e));
                return (true, 0);
            }
            var seconds = Seconds(began);
            task.Job.DecodeSeconds += seconds;
            task.Job.Decoded++;
            task.Job.Listener.Picture(new DecodedPicture(task.Index, task.Seed, request.Width, request.Height, rgb, task.MostRows));
            if (task.Job.Decoded == task.Job.Tasks.Length)
                Finish(task.Job);
            return (true, seconds);
        }
        return default;
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
