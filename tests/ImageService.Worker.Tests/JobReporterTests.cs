using ImageService.Core;
using Microsoft.Extensions.Logging.Abstractions;

namespace ImageService.Worker.Tests;

public sealed class JobReporterTests
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);
    private readonly Journal _journal = new();

    [Fact]
    public async Task Steps_that_come_within_the_interval_are_told_with_the_next_report()
    {
        var time = new SteppedTime(_journal);
        var format = new PictureFormat((_, _) => default, look => new Preview(look.Index, look.Step, look.Steps, default, "image/png", look.Width, look.Height));
        var reporter = new JobReporter(new FakeQueue(_journal), format, new Lease(JobId.New(time), 1), Interval, time, NullLogger.Instance);
        using var ended = new CancellationTokenSource();
        var running = reporter.RunAsync(ended.Token);

        reporter.Progress(1, 20);
        await _journal.Has("timer 100 ms");
        for (var step = 2; step <= 7; step++)
            reporter.Progress(step, 20);
        await time.Ring(Interval);
        await _journal.Has("timer 100 ms", times: 2);
        reporter.Progress(20, 20);
        await time.Ring(Interval, times: 2);
        await _journal.Has("progress 1 20/20");

        Assert.Equal(["progress 1 1/20", "progress 1 7/20", "progress 1 20/20"], _journal.Entries.Where(e => e.StartsWith("progress", StringComparison.Ordinal)));
        await ended.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }
}
