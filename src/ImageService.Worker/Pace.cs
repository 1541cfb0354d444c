namespace ImageService.Worker;

/// <summary>How fast a job goes, measured from its own steps: whatever else shares its batches is in the figure.</summary>
internal sealed class Pace(TimeProvider time)
{
    // Decoder, PNG and upload after the last step, in steps: a decoder costs a few, the rest less.
    private const int EndInSteps = 5;
    private readonly Lock _gate = new();
    private int _first = -1;
    private long _began;
    private int _step;
    private int _steps;
    private long _last;

    public void Report(int step, int steps)
    {
        lock (_gate)
        {
            (_step, _steps, _last) = (step, steps, time.GetTimestamp());
            if (_first < 0)
                (_first, _began) = (step, _last);
        }
    }

    /// <summary>The time until the job's end; null before two reports have come at different times.</summary>
    public TimeSpan? Left()
    {
        lock (_gate)
        {
            var took = time.GetElapsedTime(_began, _last);
            return _step <= _first || took == TimeSpan.Zero ? null : took / (_step - _first) * (_steps - _step + EndInSteps);
        }
    }
}
