namespace ImageService.Diffusion.Denoise;

/// <summary>Finds the row budget of a model on its device: the largest row count that still makes a row cheaper.</summary>
public static class RowMeasurement
{
    /// <summary>Twice the rows must make a row cheaper by this share; less is not worth that everybody in the call waits for twice as many.</summary>
    public const double WorthDoubling = 0.05;

    private const int FirstRows = 2; // a picture with guidance
    private const int TimedCalls = 2;

    /// <summary>
    /// Times U-Net calls of 2, 4, 8 ... rows until a row gets no cheaper, a call fails (no memory), or the next count would go beyond the time; then decodes one
    /// picture, which has to fit as well. To be called by the thread that owns the model.
    /// </summary>
    /// <param name="shape">Of a prompt of one window.</param>
    /// <param name="maxRows">At least 2.</param>
    /// <param name="limit">A call under way is not interrupted.</param>
    public static MeasuredRows Measure(IDiffusionModel model, BatchKey shape, int maxRows, TimeSpan limit, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(time);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxRows, FirstRows);
        var began = time.GetTimestamp();
        var calls = new List<CallTime>();
        var end = MeasuredEnd.MaxRows;
        Exception? failure = null;
        try
        {
            for (var rows = FirstRows; rows <= maxRows; rows *= 2)
            {
                if (calls.Count > 0 && time.GetElapsedTime(began).TotalSeconds + (2 * (1 + TimedCalls) * calls[^1].Seconds) > limit.TotalSeconds)
                {
                    end = MeasuredEnd.OutOfTime;
                    break;
                }
                calls.Add(new CallTime(rows, Time(model, shape, rows, time)));
                if (calls.Count > 1 && calls[^1].SecondsOfRow > (1 - WorthDoubling) * calls[^2].SecondsOfRow)
                {
                    end = MeasuredEnd.NoCheaper;
                    break;
                }
            }
            if (time.GetElapsedTime(began) < limit)
                Decode(model, shape);
        }
        catch (Exception e)
        {
            (end, failure) = (MeasuredEnd.CallFailed, e);
        }
        var best = end == MeasuredEnd.NoCheaper ? calls[^2].Rows : calls.Count == 0 ? 0 : calls[^1].Rows;
        return new MeasuredRows(best, end, calls, time.GetElapsedTime(began).TotalSeconds, failure);
    }

    // The first call of a shape allocates, and on some devices tunes itself.
    private static double Time(IDiffusionModel model, BatchKey shape, int rows, TimeProvider time)
    {
        var batch = ProbeBatch.Of(model, shape, rows);
        model.PredictNoise(batch);
        var best = double.PositiveInfinity;
        for (var call = 0; call < TimedCalls; call++)
        {
            var began = time.GetTimestamp();
            model.PredictNoise(batch);
            best = Math.Min(best, time.GetElapsedTime(began).TotalSeconds);
        }
        return best;
    }

    private static void Decode(IDiffusionModel model, BatchKey shape)
    {
        var latents = new float[model.Info.LatentChannels * shape.Height * shape.Width];
        ProbeBatch.FillAlike(latents);
        model.DecodeLatents(shape.Height, shape.Width, latents, new byte[shape.Height * shape.Width * model.Info.VaeScale * model.Info.VaeScale * 3]);
    }
}

/// <param name="Rows">The largest count worth it; 0 = not even the first call went well.</param>
/// <param name="Calls">In rising order of rows.</param>
/// <param name="Seconds">That it took.</param>
/// <param name="Failure">With <see cref="MeasuredEnd.CallFailed"/>.</param>
public sealed record MeasuredRows(int Rows, MeasuredEnd End, IReadOnlyList<CallTime> Calls, double Seconds, Exception? Failure);

/// <param name="Seconds">The faster one of two.</param>
public readonly record struct CallTime(int Rows, double Seconds)
{
    public double SecondsOfRow => Seconds / Rows;
}

/// <summary>Why no more rows were tried.</summary>
public enum MeasuredEnd
{
    /// <summary>More were not allowed.</summary>
    MaxRows,

    /// <summary>The last count made a row no cheaper.</summary>
    NoCheaper,

    /// <summary>It might have gone on.</summary>
    OutOfTime,

    /// <summary>A call failed, mostly for want of memory.</summary>
    CallFailed,
}
