using System.Diagnostics;
using System.Threading.Channels;
using ImageService.Core;
using ImageService.Diffusion.Denoise;

namespace ImageService.Worker;

/// <summary>
/// One leased job from the engine's door to its end in the store. The engine calls <see cref="IDenoiseListener"/> on its own thread; all that takes time
/// happens in <see cref="RunAsync"/>.
/// </summary>
/// <param name="rowsFreed">Called whenever the job needs fewer rows than before; must return at once.</param>
internal sealed class JobRun(LeasedJob leased, JobRunServices services, Action rowsFreed) : IDenoiseListener, IDisposable
{
    private readonly Channel<object> _results = Channel.CreateUnbounded<object>(new UnboundedChannelOptions { SingleReader = true });
    private readonly JobReporter _reporter = new(services.Queue, services.Format, leased.Lease, services.ProgressInterval, services.Time, services.Logger);
    private readonly CancellationTokenSource _dropped = new();
    private readonly Pace _pace = new(services.Time);
    private Activity? _draw; // null where nobody collects traces
    private JobOutcome _droppedAs = JobOutcome.Lost;
    private DenoiseJob? _job;
    private double _acceptedBefore; // seconds before the engine got it
    private long _lastStepAt;
    private int _picturesDenoised;

    public Lease Lease => leased.Lease;

    /// <summary>U-Net rows that it will still need, of those that a call of its size may have.</summary>
    public double CallsLeft => (double)RequestCost.Rows(Request) * PicturesLeft / services.Budgets.For(Request.Model, Request.Width, Request.Height);

    /// <summary>Completes when <see cref="RunAsync"/> has and the run is forgotten.</summary>
    public Task Ended { get; set; } = Task.CompletedTask;

    private int PicturesLeft => Request.NumImages - Volatile.Read(ref _picturesDenoised);

    private GenerationRequest Request => leased.Job.Request;

    /// <summary>The time until it will have ended, as far as can be told; null = unknown.</summary>
    public TimeSpan? TimeLeft => _pace.Left();

    public Job Job => leased.Job;

    void IDenoiseListener.Progress(int step, int steps)
    {
        if (step >= steps)
            Volatile.Write(ref _lastStepAt, services.Time.GetTimestamp());
        if (step > 0 && _draw is { } draw)
            WorkerTelemetry.Stepped(draw, step, steps);
        _pace.Report(step, steps);
        _reporter.Progress(step, steps);
    }

    void IDenoiseListener.Preview(PreviewLatents preview) => _reporter.Preview(preview);
    void IDenoiseListener.Finished(DenoiseSummary summary) => _results.Writer.TryWrite(summary);
    void IDenoiseListener.Failed(DenoiseFailure failure) => _results.Writer.TryWrite(failure);

    void IDenoiseListener.Picture(DecodedPicture picture) => _results.Writer.TryWrite(picture);

    void IDenoiseListener.Denoised()
    {
        Interlocked.Increment(ref _picturesDenoised);
        rowsFreed();
    }

    /// <summary>The lease is not ours any more: canceled, or taken over. Nothing is written from now on.</summary>
    public void Drop(JobOutcome why)
    {
        _droppedAs = why;
        try
        {
            _dropped.Cancel();
        }
        catch (ObjectDisposedException)
        {
            return; // it has just ended by itself
        }
        if (_job is { } job)
            services.Engine.Cancel(job);
    }

    /// <summary>Draws the job and ends it in the store.</summary>
    public async Task<JobOutcome> RunAsync()
    {
        using var activity = WorkerTelemetry.Activities.StartActivity("draw", ActivityKind.Consumer, leased.TraceParent);
        activity?.SetTag("job.id", Lease.Id.Value).SetTag("job.attempt", leased.Job.Attempts);
        _draw = activity;
        using var reporting = CancellationTokenSource.CreateLinkedTokenSource(_dropped.Token);
        var reports = ReportAsync(reporting.Token);
        try
        {
            var result = await DrawAsync(_dropped.Token);
            await reporting.CancelAsync(); // no step may be reported after the end
            await reports;
            if (result is JobResult)
                await _reporter.FlushAsync(_dropped.Token);
            return result switch
            {
                JobResult complete => await CompleteAsync(complete),
                DenoiseFailure failure => await FailAsync(failure),
                _ => JobOutcome.Released,
            };
        }
        catch (OperationCanceledException) when (_dropped.IsCancellationRequested)
        {
            return _droppedAs;
        }
        finally
        {
            if (_job is { } job)
                services.Engine.Cancel(job); // no effect on one that has ended
            await reporting.CancelAsync();
            await reports;
        }
    }

    /// <summary>Takes the job out of the engine at the next step boundary and hands it back with what was done. One that is just ending is left to end.</summary>
    public async Task ReleaseAsync(CancellationToken over)
    {
        ReadOnlyMemory<byte>? state = _job is null ? leased.State : await services.Engine.SaveAsync(_job);
        if (state is null)
            return;
        await services.Retry.RunAsync(token => services.Queue.ReleaseAsync(Lease, state.Value, token), over);
        Log.JobReleased(services.Logger, Lease.Id, state.Value.Length);
        _results.Writer.TryWrite(JobOutcome.Released);
    }

    public void Dispose() => _dropped.Dispose();

    private async Task ReportAsync(CancellationToken cancellationToken)
    {
        try
        {
            if (!await _reporter.RunAsync(cancellationToken))
                Drop(JobOutcome.Lost);
        }
        catch (OperationCanceledException)
        {
        }
    }

    /// <summary>A <see cref="JobResult"/>, a <see cref="DenoiseFailure"/>, or the outcome of a release.</summary>
    private async Task<object> DrawAsync(CancellationToken dropped)
    {
        if (await StartImages.LoadAsync(services.Blobs, leased, this, dropped) is not { } job)
            return new DenoiseFailure("input_missing", "The start image or the mask of the job cannot be read.", Retry: true);
        _acceptedBefore = services.SinceAcceptance(leased.Job);
        services.Engine.Add(_job = job);
        if (dropped.IsCancellationRequested)
            services.Engine.Cancel(job); // dropped before there was anything to cancel

        var writes = new List<Task<GeneratedImage>>();
        var firstWrite = 0L;
        await foreach (var result in _results.Reader.ReadAllAsync(dropped))
        {
            switch (result)
            {
                case DecodedPicture picture:
                    firstWrite = firstWrite == 0 ? services.Time.GetTimestamp() : firstWrite;
                    writes.Add(services.Writer.WriteAsync(Lease, Request, picture, dropped));
                    break;
                case DenoiseSummary summary:
                    return await CollectAsync(summary, writes, firstWrite);
                default:
                    return result;
            }
        }
        throw new UnreachableException("Nobody closes this channel.");
    }

    private async Task<object> CollectAsync(DenoiseSummary summary, List<Task<GeneratedImage>> writes, long firstWrite)
    {
        try
        {
            var images = await Task.WhenAll(writes);
            var upload = services.Time.GetElapsedTime(firstWrite).TotalSeconds;
            var timings = new JobTimings(services.Waited(leased.Job), _acceptedBefore + summary.Admission, summary.Encode, summary.Denoise, summary.Decode, upload, summary.RowSteps);
            return new JobResult([.. images.OrderBy(i => i.Index)], timings, summary.Warnings);
        }
        catch (BlobUnavailableException e)
        {
            return new DenoiseFailure("blob_unavailable", $"The picture could not be stored: {e.Message}", Retry: true, e);
        }
    }

    private async Task<JobOutcome> CompleteAsync(JobResult result)
    {
        // An answer may get lost on its way, so a refusal does not mean that the pictures are nobody's: they stay.
        var completed = await services.Retry.RunAsync(token => services.Queue.CompleteAsync(Lease, result, token), _dropped.Token);
        if (!completed)
            return JobOutcome.Lost;
        services.Pace.Ended(Request.Model, services.Time.GetElapsedTime(Volatile.Read(ref _lastStepAt)).TotalSeconds);
        Log.JobCompleted(services.Logger, Lease.Id, result.Images.Count, result.Timings.Denoise, result.Timings.RowSteps);
        return JobOutcome.Succeeded;
    }

    private async Task<JobOutcome> FailAsync(DenoiseFailure failure)
    {
        Log.JobFailed(services.Logger, failure.Cause, Lease.Id, failure.Code, failure.Message, failure.Retry);
        var error = new JobError(failure.Code, failure.Message);
        await services.Retry.RunAsync(token => services.Queue.FailAsync(Lease, error, failure.Retry, token), _dropped.Token);
        return JobOutcome.Failed;
    }
}
