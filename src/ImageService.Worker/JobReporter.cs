using System.Threading.Channels;
using ImageService.Core;
using ImageService.Diffusion.Denoise;

namespace ImageService.Worker;

/// <summary>
/// Tells the store how far a job is. At most one write of a job is under way; what happens meanwhile is replaced by what happens next, so a slow store
/// shows fewer steps and never holds up the engine. Nor are there more writes than anybody could follow: steps of a few milliseconds are told together.
/// </summary>
/// <param name="interval">Between two reports at least.</param>
internal sealed class JobReporter(IJobQueue queue, PictureFormat format, Lease lease, TimeSpan interval, TimeProvider time, ILogger logger)
{
    private readonly Channel<bool> _news = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });
    private PreviewLatents? _preview;
    private long _progress; // step in the upper half, steps in the lower

    public void Progress(int step, int steps)
    {
        Volatile.Write(ref _progress, ((long)step << 32) | (uint)steps);
        _news.Writer.TryWrite(true);
    }

    public void Preview(PreviewLatents preview)
    {
        Volatile.Write(ref _preview, preview);
        _news.Writer.TryWrite(true);
    }

    /// <summary>Runs until it is canceled or the store says that the lease is not held any more.</summary>
    /// <returns>False if the lease is lost.</returns>
    public async Task<bool> RunAsync(CancellationToken cancellationToken)
    {
        long reported = -1;
        await foreach (var _ in _news.Reader.ReadAllAsync(cancellationToken))
        {
            try
            {
                var progress = Volatile.Read(ref _progress);
                if (progress != reported && !await queue.PublishProgressAsync(lease, (int)(progress >> 32), (int)progress, cancellationToken))
                    return false;
                reported = progress;
                if (!await ShowAsync(cancellationToken))
                    return false;
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                Log.ReportFailed(logger, e, lease.Id);
            }
            if (interval > TimeSpan.Zero)
                await Task.Delay(interval, time, cancellationToken);
        }
        return true;
    }

    /// <summary>Tells the preview that waited for its turn when the drawing ended, after <see cref="RunAsync"/>: however short a job is, the latest one asked for is seen.</summary>
    public async Task FlushAsync(CancellationToken cancellationToken)
    {
        try
        {
            await ShowAsync(cancellationToken);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            Log.ReportFailed(logger, e, lease.Id);
        }
    }

    // It waits until it was told: a report that was broken off is made again.
    private async Task<bool> ShowAsync(CancellationToken cancellationToken)
    {
        if (Volatile.Read(ref _preview) is not { } preview)
            return true;
        var held = await queue.PublishPreviewAsync(lease, format.Look(preview), cancellationToken);
        Interlocked.CompareExchange(ref _preview, null, preview);
        return held;
    }
}
