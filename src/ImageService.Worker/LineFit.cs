namespace ImageService.Worker;

/// <summary>A straight line through points of which the newest weigh most: exponentially weighted least squares, neither part negative.</summary>
/// <param name="keep">Of each point's weight when the next comes; above 0, at most 1.</param>
internal sealed class LineFit(double keep)
{
    // Of the mean of x, squared: below it x is as good as constant, and noise would draw the line.
    private const double LeastSpread = 0.05 * 0.05;
    private double _xx;
    private double _xy;

    public double Weight { get; private set; }
    public double SumX { get; private set; }
    public double SumY { get; private set; }

    /// <param name="x">Above 0.</param>
    /// <param name="y">0 or more.</param>
    public void Add(double x, double y)
    {
        Weight = (Weight * keep) + 1;
        SumX = (SumX * keep) + x;
        SumY = (SumY * keep) + y;
        _xx = (_xx * keep) + (x * x);
        _xy = (_xy * keep) + (x * y);
    }

    /// <returns>y = Constant + Slope * x. Without points at different x, and where the best line would cross y below 0, the line through the origin.</returns>
    public (double Constant, double Slope) Fit()
    {
        var (meanX, meanY) = (SumX / Weight, SumY / Weight);
        var spread = (_xx / Weight) - (meanX * meanX);
        if (spread < LeastSpread * meanX * meanX)
            return (0, meanY / meanX);
        var slope = ((_xy / Weight) - (meanX * meanY)) / spread;
        return slope <= 0 ? (meanY, 0) : meanY < slope * meanX ? (0, meanY / meanX) : (meanY - (slope * meanX), slope);
    }
}
