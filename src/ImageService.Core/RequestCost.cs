namespace ImageService.Core;

/// <summary>What a request costs a device, as far as can be told before it is drawn: the measure by which clients are served alike.</summary>
public static class RequestCost
{
    // One latent pixel. Sums of a trillion requests stay exact in a double, which some stores count in.
    private const long Unit = 8 * 8;

    /// <summary>U-Net rows times steps times pixels, in units of 8 x 8 pixels; at least 1.</summary>
    public static long Of(GenerationRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        var rows = Rows(request) * request.NumImages;
        var steps = Math.Max(1, Math.Ceiling(request.NumInferenceSteps * request.Strength));
        return Math.Max(1, (long)(rows * steps * request.Width * request.Height / Unit));
    }

    /// <summary>U-Net rows of each picture: guidance takes a second one.</summary>
    public static int Rows(GenerationRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        return request.GuidanceScale > 1 ? 2 : 1;
    }
}
