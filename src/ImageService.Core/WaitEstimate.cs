namespace ImageService.Core;

/// <summary>
/// When a job will start and end, from what workers measured and what stands before it. A fluid model: full batches serve the line in its order at one rate,
/// and rows come free at that rate over what a row of the jobs under way costs.
/// </summary>
/// <remarks>
/// It assumes that nobody else comes, nobody cancels, no worker joins or leaves, every worker that draws the model draws what waits before the job too, and
/// that the jobs under way are each as far as chance would have it; where the steps they reported say otherwise, that is taken into account.
/// </remarks>
public sealed class WaitEstimate
{
    private readonly int _workers;
    private readonly double _unitsPerSecond; // of all workers, with full calls
    private readonly double _callSeconds; // of the mean worker, as the following
    private readonly double _unitSeconds;
    private readonly double _endSeconds;
    private readonly double _callRows;
    private readonly double _heldRows;
    private readonly double _rowUnits;

    private WaitEstimate(IReadOnlyCollection<ModelPace> paces)
    {
        _workers = paces.Count;
        _unitsPerSecond = paces.Sum(p => p.CallRows * p.RowUnits / (p.CallSeconds + (p.UnitSeconds * p.CallRows * p.RowUnits)));
        _callSeconds = paces.Average(p => p.CallSeconds);
        _unitSeconds = paces.Average(p => p.UnitSeconds);
        _endSeconds = paces.Average(p => p.EndSeconds);
        _callRows = paces.Average(p => p.CallRows);
        _heldRows = paces.Average(p => p.HeldRows);
        _rowUnits = paces.Average(p => p.RowUnits);
    }

    /// <summary>Null where no worker has measured the model.</summary>
    public static WaitEstimate? For(string model, IEnumerable<WorkerPace> workers)
    {
        ArgumentNullException.ThrowIfNull(workers);
        var paces = workers.SelectMany(w => w.Models).Where(p => p.Model == model && p.CallRows > 0 && p.RowUnits > 0 && p.CallSeconds + p.UnitSeconds > 0).ToList();
        return paces.Count == 0 ? null : new WaitEstimate(paces);
    }

    /// <summary>The times of a job that waits or runs.</summary>
    /// <param name="now">No time is before this.</param>
    /// <returns>Nothing for a job that has ended or whose load is not known.</returns>
    public JobTimes Of(Job job, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(job);
        return Of(job.Request, job.Status, job.Step, job.Steps, job.Load, now);
    }

    /// <inheritdoc cref="Of(Job, DateTimeOffset)"/>
    public JobTimes Of(GenerationRequest request, JobStatus status, int step, int steps, QueueLoad? load, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (load is not { } met)
            return default;
        // A job handed back goes on where it stood.
        var stepsLeft = steps > 0 ? steps - step : RequestCost.Steps(request);
        switch (status)
        {
            case JobStatus.Queued:
                var start = SecondsToStart(request, met, out var full);
                var rows = full ? _callRows : (met.HeldRows / _workers) + RequestCost.AllRows(request);
                var inEngine = full ? SecondsInEngine(_workers * _heldRows, met, request) : 0;
                return new JobTimes(After(now, start), After(now, start + inEngine + DrawingSeconds(request, stepsLeft, rows)));
            case JobStatus.Running:
                var before = step == 0 ? SecondsInEngine(met.HeldRows, met, request) : 0;
                return new JobTimes(null, After(now, before + DrawingSeconds(request, stepsLeft, met.HeldRows / _workers)));
            default:
                return default;
        }
    }

    /// <summary>The time in which as much is drawn as the jobs that wait cost on average: so often a place in the queue comes free.</summary>
    /// <param name="waiting">Cost of all jobs that wait.</param>
    /// <param name="jobs">How many they are.</param>
    public TimeSpan PerPlace(long waiting, int jobs) => TimeSpan.FromSeconds(waiting / _unitsPerSecond / Math.Max(1, jobs));

    private double SecondsToStart(GenerationRequest request, in QueueLoad load, out bool full)
    {
        var rowCost = RowCost(load, request);
        // The next job is taken as soon as one row is free.
        var missingRows = (load.Ahead / rowCost) + 1 - ((_workers * _heldRows) - load.HeldRows);
        full = missingRows > 0;
        if (!full)
            return 0;
        // Jobs in the batch are half done on average; those that wait in the engine have not begun.
        var usualLeft = load.Held * (1 - (_callRows / _heldRows / 2));
        return Math.Max(0, (missingRows * rowCost) + load.HeldLeft - usualLeft) / _unitsPerSecond;
    }

    // Workers hold a few rows more than a call takes, so that freed rows are taken at once.
    private double SecondsInEngine(double heldRows, in QueueLoad load, GenerationRequest request) =>
        Math.Max(0, heldRows - (_workers * _callRows)) * RowCost(load, request) / _unitsPerSecond;

    private double DrawingSeconds(GenerationRequest request, int steps, double rowsOfWorker)
    {
        double rows = RequestCost.AllRows(request);
        var callRows = Math.Clamp(rowsOfWorker, Math.Min(rows, _callRows), _callRows);
        return (steps * Math.Max(1, rows / _callRows) * (_callSeconds + (_unitSeconds * callRows * _rowUnits))) + _endSeconds;
    }

    private static double RowCost(in QueueLoad load, GenerationRequest request) =>
        load is { HeldRows: > 0, Held: > 0 } ? (double)load.Held / load.HeldRows : (double)RequestCost.Of(request) / RequestCost.AllRows(request);

    // To the next millisecond; beyond ten years the figure says nothing.
    private static DateTimeOffset After(DateTimeOffset now, double seconds) => now.AddMilliseconds(Math.Ceiling(Math.Min(seconds, 315_360_000) * 1000));
}

/// <param name="StartAt">While queued: when a worker takes it.</param>
/// <param name="FinishAt">While queued or running: when its pictures are there.</param>
public readonly record struct JobTimes(DateTimeOffset? StartAt, DateTimeOffset? FinishAt);
