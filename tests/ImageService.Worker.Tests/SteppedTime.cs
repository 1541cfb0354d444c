using Microsoft.Extensions.Time.Testing;

namespace ImageService.Worker.Tests;

/// <summary>A clock that stands until the test moves it, and that tells when somebody has begun to wait on it.</summary>
internal sealed class SteppedTime(Journal journal) : FakeTimeProvider
{
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = base.CreateTimer(callback, state, dueTime, period);
        journal.Add(Entry(dueTime));
        return timer;
    }

    /// <summary>Waits until the n-th timer of this length was set, then lets it ring.</summary>
    public async Task Ring(TimeSpan length, int times = 1)
    {
        await journal.Has(Entry(length), times);
        Advance(length);
    }

    private static string Entry(TimeSpan length) => $"timer {length.TotalMilliseconds} ms";
}
