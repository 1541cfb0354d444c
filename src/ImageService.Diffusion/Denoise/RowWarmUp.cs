using System.Globalization;

namespace ImageService.Diffusion.Denoise;

/// <summary>The first call of each row count, before a job waits for it: kernels are chosen then, memory is taken and graphs are captured.</summary>
public static class RowWarmUp
{
    private const int Calls = 3; // a graph is captured after two ordinary runs at most

    /// <summary>
    /// U-Net calls of each of <see cref="RowPolicy.Sizes"/> within the budget at the model's own size, the largest first, since smaller ones find room in its
    /// memory. A count that does not fit lowers the budget. To be called by the thread that runs the denoise loop.
    /// </summary>
    /// <returns>Rows and seconds of each call, for the log.</returns>
    /// <exception cref="DeviceLostException">The device is gone.</exception>
    public static string Run(IDiffusionModel model, RowPolicy policy, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentNullException.ThrowIfNull(time);
        var size = model.Info.Description;
        var shape = BatchKey.OfPixels(model.Info, size.DefaultWidth, size.DefaultHeight);
        var calls = new List<string>();
        for (var i = policy.Sizes.Count - 1; i >= 0; i--)
        {
            var rows = policy.Sizes[i];
            if (rows > policy.RowsFor(shape))
                continue;
            var began = time.GetTimestamp();
            try
            {
                var batch = ProbeBatch.Of(model, shape, rows);
                for (var call = 0; call < Calls; call++)
                    model.PredictNoise(batch);
                calls.Add(string.Create(CultureInfo.InvariantCulture, $"{rows}: {time.GetElapsedTime(began).TotalSeconds:0.00} s"));
            }
            catch (DeviceOutOfMemoryException)
            {
                calls.Add($"{rows}: no memory");
                if (i > 0)
                    policy.Lower(shape, policy.Sizes[i - 1]);
            }
            // Whatever else is wrong with the model, the first job will hear of it.
            catch (Exception e) when (e is not DeviceLostException)
            {
                calls.Add($"{rows}: {e.Message}");
                break;
            }
        }
        return string.Join(", ", calls);
    }
}
