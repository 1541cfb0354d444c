namespace ImageService.Benchmarks.Simulation;

/// <summary>A clock that stands still until somebody turns it: hours of traffic pass in seconds.</summary>
internal sealed class VirtualTime : TimeProvider
{
    private const long TicksPerSecond = 1_000_000_000;
    private long _ticks;

    public double Seconds => (double)_ticks / TicksPerSecond;

    public override long TimestampFrequency => TicksPerSecond;

    public override long GetTimestamp() => _ticks;

    public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch.AddTicks(_ticks / (TicksPerSecond / TimeSpan.TicksPerSecond));

    /// <param name="seconds">0 or more.</param>
    public void Advance(double seconds)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(seconds);
        _ticks += (long)Math.Round(seconds * TicksPerSecond);
    }

    /// <summary>No effect if that moment has passed.</summary>
    public void AdvanceTo(double seconds) => _ticks = Math.Max(_ticks, Ticks(seconds));

    /// <summary>Afterwards it is as late as before.</summary>
    public void Aside(Action work)
    {
        var before = _ticks;
        work();
        _ticks = before;
    }

    public bool HasReached(double seconds) => _ticks >= Ticks(seconds);

    private static long Ticks(double seconds) => (long)Math.Ceiling(seconds * TicksPerSecond);
}
