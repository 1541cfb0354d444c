namespace ImageService.Storage.Sqlite;

/// <summary>
/// When this process last leased or renewed. A worker renews at less than half of a lease and asks every second while it is idle, so a longer silence means that the
/// process stood still, as on a laptop that slept, or could not reach the file: its workers live, and their leases must go on where they stood.
/// Times are Unix milliseconds. Two calls at once may both find the silence, which does no harm.
/// </summary>
internal sealed class LeaseClock
{
    private const int SilentLeases = 10;
    private long heard;
    private long lease;

    /// <summary>How long nothing was heard, if that is too long to trust the leases; else 0, as in a process that has never leased.</summary>
    public long Silence(long now, TimeSpan duration)
    {
        var silence = now - Interlocked.Read(ref heard);
        return silence < now && silence > duration.TotalMilliseconds / 2 ? silence : 0;
    }

    /// <summary>Whether workers of this process may still not have come back from a silence. Not for ever: they may have ended.</summary>
    public bool IsSilent(long now)
    {
        var duration = Interlocked.Read(ref lease);
        return Silence(now, TimeSpan.FromMilliseconds(duration)) is > 0 and var silence && silence < SilentLeases * duration;
    }

    public void Hear(long now, TimeSpan duration)
    {
        Interlocked.Exchange(ref lease, (long)duration.TotalMilliseconds);
        Interlocked.Exchange(ref heard, now);
    }
}
