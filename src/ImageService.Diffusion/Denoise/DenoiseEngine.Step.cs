using System.Globalization;
using ImageService.Core;

namespace ImageService.Diffusion.Denoise;

/// <content>One step of one group: a U-Net call for all of it, or several where the device's memory is too small for that.</content>
public sealed partial class DenoiseEngine
{
    private void StepOneGroup()
    {
        if (_batcher.Next(joining: _side.Undecoded < MostUndecoded) is not { } group)
            return;
        var request = group.Stepping[0].Job.Request;
        var rows = group.SteppingRows;
        _report = _report with { Worked = true, Batch = group.Key.Batch, RowUnits = RequestCost.OfRow(request.Width, request.Height), Rows = rows };
        var began = _time.GetTimestamp();
        var paddedRows = _rowPolicy.Padded(group.Key, rows + group.DeadRows);
        var calledRows = 0;
        for (var first = 0; first < group.Stepping.Count;)
        {
            var (count, sliceRows) = SliceFrom(group, first);
            var size = count == group.Stepping.Count ? paddedRows : _rowPolicy.Padded(group.Key, sliceRows);
            var prediction = Predict(group, first, count, size);
            if (prediction == Prediction.TooLarge)
            {
                _rowPolicy.Lower(group.Key.Batch, _rowPolicy.SizeWithin(Math.Max(1, sliceRows / 2)));
                continue;
            }
            if (prediction == Prediction.Made)
                Advance(group, first, began);
            (first, calledRows) = (first + count, calledRows + size);
        }
        _report = _report with { PaddedRows = calledRows };
        if (!_runners.TryGetValue(group.Key, out var runner))
            return;
        var seconds = Seconds(began);
        _report = _report with { StepSeconds = seconds, SecondsAlone = runner.Stepped(seconds, calledRows, _side.Beside) };
    }

    // Everybody, unless the limit was lowered under a running batch.
    private (int Count, int Rows) SliceFrom(BatchGroup<DenoiseTask> group, int first)
    {
        var limit = _rowPolicy.Limit(group.Key);
        var (count, rows) = (1, group.Stepping[first].Rows);
        for (; first + count < group.Stepping.Count && rows + group.Stepping[first + count].Rows <= limit; count++)
            rows += group.Stepping[first + count].Rows;
        return (count, rows);
    }

    private Prediction Predict(BatchGroup<DenoiseTask> group, int first, int count, int rows)
    {
        try
        {
            RunnerFor(group, rows).Predict(group, first, count, rows);
            return Prediction.Made;
        }
        catch (DeviceLostException)
        {
            throw;
        }
        // The row count of exact pictures is a promise, and one picture cannot be split.
        catch (DeviceOutOfMemoryException) when (count > 1 && !group.Key.Exact)
        {
            _runners.Remove(group.Key);
            return Prediction.TooLarge;
        }
        catch (Exception e)
        {
            _runners.Remove(group.Key);
            var failure = e is DeviceOutOfMemoryException
                ? new DenoiseFailure(DenoiseFailure.OutOfMemory, $"The device's memory is too small for a U-Net call of {rows} rows at this size: {e.Message}", Retry: true, e)
                : new DenoiseFailure("model_failed", $"The U-Net failed: {e.Message}", Retry: true, e);
            for (var i = first; i < first + count; i++)
                Fail(group.Stepping[i].Job, failure);
            return Prediction.Failed;
        }
    }

    private void Advance(BatchGroup<DenoiseTask> group, int first, long began)
    {
        foreach (var outcome in _runners[group.Key].Advance())
            EndStep(group.Stepping[first++], outcome, began);
    }

    private void EndStep(DenoiseTask task, StepOutcome outcome, long began)
    {
        var job = task.Job;
        if (job.Phase == JobPhase.Gone)
            return; // another picture of the same job failed in this very step
        if (outcome.Failure is { } failure)
        {
            Fail(job, new DenoiseFailure("model_failed", $"The noise scheduler failed: {failure.Message}", Retry: false, failure));
            return;
        }
        if (!outcome.Finite)
        {
            Fail(job, new DenoiseFailure("numeric", string.Create(CultureInfo.InvariantCulture,
                $"The latents of picture {task.Index} are not finite after step {task.StepsDone} of {job.Steps}; usually a float16 U-Net or VAE that overflows: use a float32 export."), Retry: false));
            return;
        }
        job.FirstStepAt = job.FirstStepAt == 0 ? began : job.FirstStepAt;
        job.LastStepAt = _time.GetTimestamp();
        job.Listener.Progress(job.MeanStep(), job.Steps);
        if (outcome.Original is not null)
            job.Listener.Preview(new PreviewLatents(task.Model, task.Index, task.StepsDone, job.Steps, outcome.Original, task.Group.Batch.Height, task.Group.Batch.Width));
        if (!task.Denoised)
            return;
        job.Listener.Denoised();
        _batcher.Finish(task);
    }

    // Of the batches that run; null if none has stepped.
    private double? ShortestStep()
    {
        double? shortest = null;
        for (var i = 0; i < _batcher.Groups.Count; i++)
        {
            if (_runners.TryGetValue(_batcher.Groups[i].Key, out var runner) && !(runner.SecondsAlone > shortest))
                shortest = runner.SecondsAlone ?? shortest;
        }
        return shortest;
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

    private enum Prediction
    {
        Made,
        Failed,

        /// <summary>Memory was too small, and fewer rows may be tried.</summary>
        TooLarge,
    }
}
