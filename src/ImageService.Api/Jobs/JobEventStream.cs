using System.Globalization;
using System.Text;
using System.Text.Json;
using ImageService.Core;

namespace ImageService.Api.Jobs;

/// <summary>Writes one job's events to one connection, with comments while nothing happens.</summary>
internal sealed class JobEventStream : IAsyncDisposable
{
    private readonly IAsyncEnumerator<JobEvent> _events;
    private readonly GenerationRequest _request;
    private readonly JobEstimates _estimates;
    private readonly HttpResponse _response;
    private readonly TimeProvider _time;
    private readonly TimeSpan _keepAlive;
    private readonly CancellationToken _ending;
    private Task<bool> _next;

    /// <param name="request">The job's.</param>
    public JobEventStream(IAsyncEnumerable<JobEvent> events, GenerationRequest request, JobEstimates estimates, HttpResponse response, TimeProvider time,
        TimeSpan keepAlive, CancellationToken ending)
    {
        (_request, _estimates, _response, _time, _keepAlive, _ending) = (request, estimates, response, time, keepAlive, ending);
        _events = events.GetAsyncEnumerator(ending);
        _next = _events.MoveNextAsync().AsTask();
    }

    public Task<bool> HasNextAsync() => _next;

    /// <summary>Returns after the final event, or throws when the connection or the service ends.</summary>
    public async Task WriteAllAsync(PathString pathBase)
    {
        // Headers at once, so that the reader knows that it is connected; and come back after a second when the line breaks.
        await WriteAsync("retry: 1000\n\n");
        while (await NextAsync())
        {
            var happened = _events.Current;
            await WriteAsync(Format(happened, await _estimates.OfAsync(_request, happened, _ending), pathBase));
            if (happened is JobFinished)
                return;
            _next = _events.MoveNextAsync().AsTask();
        }
    }

    public async ValueTask DisposeAsync()
    {
        // An enumerator may not be disposed while it is moving; the token that ended the stream ends the move.
        await _next.ContinueWith(static _ => { }, TaskScheduler.Default);
        await _events.DisposeAsync();
    }

    private async Task<bool> NextAsync()
    {
        while (!_next.IsCompleted)
        {
            using var awake = CancellationTokenSource.CreateLinkedTokenSource(_ending);
            var pause = Task.Delay(_keepAlive, _time, awake.Token);
            if (await Task.WhenAny(_next, pause) == pause)
            {
                await pause;
                await WriteAsync(": keep-alive\n\n");
            }
            await awake.CancelAsync();
        }
        return await _next;
    }

    private async Task WriteAsync(string text)
    {
        await _response.WriteAsync(text, Encoding.UTF8, _ending);
        await _response.Body.FlushAsync(_ending);
    }

    private static string Format(JobEvent happened, JobTimes times, PathString pathBase)
    {
        var (name, data) = happened switch
        {
            JobProgress p => ("progress", JsonSerializer.Serialize(
                new ProgressData(p.Status, p.Step, p.Steps, p.QueuePosition, times.StartAt, times.FinishAt), ApiJson.Options)),
            JobPreview p => ("preview", JsonSerializer.Serialize(
                new PreviewData(p.Index, p.Step, p.Steps, p.Width, p.Height, p.ContentType, p.Content), ApiJson.Options)),
            JobFinished f => (JobListQuery.NameOf(f.Job.Status), JsonSerializer.Serialize(JobResponse.From(f.Job, pathBase), ApiJson.Options)),
            _ => throw new InvalidOperationException($"{happened.GetType().Name} has no form on the wire."),
        };
        return string.Create(CultureInfo.InvariantCulture, $"id: {happened.Sequence}\nevent: {name}\ndata: {data}\n\n");
    }

    private sealed record ProgressData(JobStatus Status, int Step, int Steps, int? QueuePosition, DateTimeOffset? EstimatedStartAt,
        DateTimeOffset? EstimatedFinishAt);

    private sealed record PreviewData(int Index, int Step, int Steps, int Width, int Height, string ContentType, ReadOnlyMemory<byte> Image);
}
