using System.Numerics.Tensors;

namespace ImageService.Diffusion.Denoise;

/// <summary>
/// Takes the members of one group through one step: gathers their rows into the <see cref="UNetBatch"/>, asks the U-Net once, and brings each its own
/// guidance and scheduler step. A guided picture has two rows, negative prompt first.
/// </summary>
/// <remarks>
/// A device waits meanwhile, so what belongs to one picture alone is done by several threads where there is enough of it. No picture's arithmetic is divided:
/// which thread does it, and how many there are, is all the same to it.
/// </remarks>
internal sealed class StepRunner
{
    private readonly UNetBatch _batch;
    private readonly List<(DenoiseTask Task, int Row)> _called = []; // who is in the call, with the first of his rows
    private readonly StepOutcome[] _outcomes;
    private readonly PooledLoop _conditionings;
    private readonly PooledLoop _samples;
    private readonly PooledLoop _steps;
    private (int First, int Count) _gathered;
    private (double Seconds, int Rows) _alone; // the last step without a piece beside it; no rows = none yet

    public StepRunner(GroupKey key, IDiffusionModel model, int capacity)
    {
        (Model, Capacity) = (model, capacity);
        _batch = new UNetBatch(key.Batch, model.Info, capacity);
        _outcomes = new StepOutcome[capacity];
        _conditionings = new PooledLoop(i => GatherConditioning(_called[i].Task, _called[i].Row));
        _samples = new PooledLoop(i => GatherSample(_called[i].Task, _called[i].Row));
        _steps = new PooledLoop(i => _outcomes[i] = Outcome(_called[i].Task, _called[i].Row));
    }

    public IDiffusionModel Model { get; }

    public int Capacity { get; }

    /// <summary>Of the last step, had it had the device to itself; null before the first.</summary>
    public double? SecondsAlone { get; private set; }

    /// <summary>A step has ended.</summary>
    /// <param name="rows">Of its calls, padding included.</param>
    /// <param name="beside">A piece ran beside it: then it is told from the last step that had the device to itself, rather too short than too long.</param>
    /// <returns>What it would have taken with the device to itself, in seconds.</returns>
    public double Stepped(double seconds, int rows, bool beside)
    {
        if (!beside)
            _alone = (seconds, rows);
        var alone = _alone.Rows == 0 ? seconds / SideCosts.BesideSteps : _alone.Seconds * Math.Min(1, (double)rows / _alone.Rows);
        SecondsAlone = Math.Min(seconds, alone);
        return SecondsAlone.Value;
    }

    /// <summary>A U-Net call for some of those who step: all of them, unless memory is too small for that.</summary>
    /// <param name="first">Index into <see cref="BatchGroup{T}.Stepping"/>.</param>
    /// <param name="rows">Of the call, padding included.</param>
    public void Predict(BatchGroup<DenoiseTask> group, int first, int count, int rows)
    {
        var row = 0;
        _called.Clear();
        for (var i = first; i < first + count; i++)
        {
            _called.Add((group.Stepping[i], row));
            row += group.Stepping[i].Rows;
        }
        if (group.Changed || _gathered != (first, count))
        {
            GatherConditioning(row, rows);
            _gathered = (first, count);
        }
        _samples.Run(count, 2 * _batch.SampleRow);
        Pad(_batch.Sample, _batch.SampleRow, row, rows);
        Pad(_batch.Timestep, 1, row, rows);
        _batch.Rows = rows;
        Model.PredictNoise(_batch);
    }

    /// <summary>Takes everyone of the last call a step further, each by his own rows of the prediction.</summary>
    /// <returns>In the order of <see cref="BatchGroup{T}.Stepping"/>; good until the next call.</returns>
    public ReadOnlySpan<StepOutcome> Advance()
    {
        var count = _called.Count;
        _steps.Run(count, 2 * _batch.OutputRow);
        _called.Clear();
        return _outcomes.AsSpan(0, count);
    }

    private StepOutcome Outcome(DenoiseTask task, int row)
    {
        try
        {
            var original = Advance(task, Guided(task, row));
            // Half precision overflows in some models; what follows would only be a black picture.
            return new StepOutcome(original, null, TensorPrimitives.IsFiniteAll<float>(task.Latents));
        }
        catch (Exception e)
        {
            return new StepOutcome(null, e, false);
        }
    }

    // Gives the clean image seen on the way, if somebody wants to look at it after this step.
    private float[]? Advance(DenoiseTask task, ReadOnlySpan<float> prediction)
    {
        float[]? original = null;
        if (task.LooksAfterStep)
        {
            original = new float[task.Latents.Length];
            task.Scheduler.PredictOriginal(task.Step, prediction, task.Latents, original);
        }
        task.Scheduler.Step(task.Step, prediction, task.Latents);
        task.Step++;
        task.RowSteps += task.Rows;
        task.MostRows = Math.Max(task.MostRows, _batch.Rows);
        task.AfterStep?.Invoke(task.Step, task.Latents);
        return original;
    }

    private void GatherSample(DenoiseTask task, int row)
    {
        var sample = _batch.Sample.AsSpan(row * _batch.SampleRow, _batch.SampleRow);
        task.Scheduler.ScaleModelInput(task.Step, task.Latents, sample[..task.Latents.Length]);
        task.ExtraChannels?.CopyTo(sample[task.Latents.Length..]);
        if (task.Rows == 2)
            sample.CopyTo(_batch.Sample.AsSpan((row + 1) * _batch.SampleRow));
        _batch.Timestep.AsSpan(row, task.Rows).Fill(task.Timestep);
    }

    // The big input, tens of times the sample's size: gathered only when the composition has changed.
    private void GatherConditioning(int used, int rows)
    {
        _conditionings.Run(_called.Count, 2 * _batch.ContextRow);
        Pad(_batch.Context, _batch.ContextRow, used, rows);
        Pad(_batch.Pooled, Model.Info.PooledSize, used, rows);
        Pad(_batch.TimeIds, _batch.TimeIds.Length == 0 ? 0 : UNetBatch.TimeIdsRow, used, rows);
        Pad(_batch.GuidanceEmbedding, Model.Info.GuidanceEmbeddingSize, used, rows);
        _batch.ConditioningVersion++;
    }

    private void GatherConditioning(DenoiseTask task, int row)
    {
        var conditioning = task.Conditioning;
        if (conditioning.Negative is not null)
            PutConditioning(task, row++, conditioning.Negative, conditioning.PooledNegative);
        PutConditioning(task, row, conditioning.Positive, conditioning.PooledPositive);
    }

    private void PutConditioning(DenoiseTask task, int row, float[] context, float[]? pooled)
    {
        var info = Model.Info;
        context.CopyTo(_batch.Context.AsSpan(row * _batch.ContextRow));
        if (info.PooledSize > 0)
        {
            pooled!.CopyTo(_batch.Pooled.AsSpan(row * info.PooledSize));
            var (height, width) = ((float)task.Job.Request.Height, (float)task.Job.Request.Width);
            ReadOnlySpan<float> timeIds = [height, width, 0, 0, height, width];
            timeIds.CopyTo(_batch.TimeIds.AsSpan(row * UNetBatch.TimeIdsRow));
        }
        if (info.GuidanceEmbeddingSize > 0)
            Guidance.Embed(task.Job.Request.GuidanceScale, _batch.GuidanceEmbedding.AsSpan(row * info.GuidanceEmbeddingSize, info.GuidanceEmbeddingSize));
    }

    // Padding rows repeat row 0: real numbers, so that no kernel meets a denormal or a NaN. Nobody reads their output.
    private static void Pad(float[] buffer, int length, int used, int rows)
    {
        for (var row = used; row < rows; row++)
            buffer.AsSpan(0, length).CopyTo(buffer.AsSpan(row * length));
    }

    private ReadOnlySpan<float> Guided(DenoiseTask task, int row)
    {
        var first = _batch.Output.AsSpan(row * _batch.OutputRow, _batch.OutputRow);
        if (task.Rows == 1)
            return first;
        var request = task.Job.Request;
        var positive = _batch.Output.AsSpan((row + 1) * _batch.OutputRow, _batch.OutputRow);
        Guidance.Combine(first, positive, request.GuidanceScale);
        Guidance.Rescale(first, positive, request.GuidanceRescale);
        return first;
    }
}

/// <summary>What a step made of one picture.</summary>
/// <param name="Original">The clean image seen on the way, where <see cref="DenoiseTask.LooksAfterStep"/>; else null.</param>
/// <param name="Failure">What its scheduler threw; null = the step was taken.</param>
/// <param name="Finite">Its latents hold neither NaN nor infinity.</param>
internal readonly record struct StepOutcome(float[]? Original, Exception? Failure, bool Finite);
