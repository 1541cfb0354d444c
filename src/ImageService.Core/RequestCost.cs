namespace ImageService.Core;

/// <summary>What a request costs a device, as far as can be told before it is drawn: the measure by which clients are served alike.</summary>
public static class RequestCost
{
    // One latent pixel. Sums of a trillion requests stay exact in a double, which some stores count in.
    private const long Unit = 8 * 8;

    /// <summary>U-Net rows times steps times pixels, in units of 8 x 8 pixels of one row in one step; at least 1.</summary>
    public static long Of(GenerationRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        return Math.Max(1, (long)((double)AllRows(request) * Steps(request) * request.Width * request.Height / Unit));
    }

    /// <summary>Units of one U-Net row of so many pixels in one step.</summary>
    public static double OfRow(int width, int height) => (double)width * height / Unit;

    /// <summary>U-Net evaluations of each picture, as far as the request tells; at least 1.</summary>
    public static int Steps(GenerationRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        var steps = Math.Max(1, (int)Math.Ceiling(request.NumInferenceSteps * request.Strength));
        return IsSecondOrder(request.Scheduler) ? 2 * steps : steps;
    }

    /// <summary>U-Net rows of all pictures together.</summary>
    public static int AllRows(GenerationRequest request) => Rows(request) * request.NumImages;

    /// <summary>U-Net rows of each picture: guidance takes a second one.</summary>
    public static int Rows(GenerationRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        return request.GuidanceScale > 1 ? 2 : 1;
    }

    // Heun's method and DPM-Solver-2, with all their spacings, evaluate the U-Net twice a step.
    private static bool IsSecondOrder(string scheduler) =>
        scheduler.StartsWith("heun", StringComparison.Ordinal) || scheduler.StartsWith("dpm2", StringComparison.Ordinal);
}
