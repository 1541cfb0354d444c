using System.Globalization;
using ImageService.Api.Problems;
using ImageService.Core;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Options;

namespace ImageService.Api.Jobs;

/// <summary><c>GET /v1/jobs/{id}/events</c>: a job's events as a server-sent event stream (WHATWG HTML, section 9.2).</summary>
internal static class JobEventsApi
{
    /// <remarks>
    /// Events are pulled from the store one at a time and the next is asked for only when the last was taken by the connection, so that a slow
    /// reader holds one event and nothing else. The numbers in <c>id:</c> are the store's: any replica can go on where another stopped.
    /// </remarks>
    public static async Task Watch(string id, HttpContext context, TimedJobStore store, JobEstimates estimates, Drain drain,
        IOptions<ApiOptions> options, TimeProvider time, ILogger<JobEventStream> logger)
    {
        var job = await store.FindAsync(id, context.RequestAborted);
        var after = LastEventId(context.Request);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, drain.Over);
        await using var stream = new JobEventStream(store.WatchAsync(job.Id, after, ending.Token), job.Request, estimates, context.Response, time,
            TimeSpan.FromSeconds(options.Value.KeepAliveSeconds), ending.Token);
        try
        {
            // A reader that has the final event already would come back for ever; 204 is how the standard tells it to stop.
            if (job.IsFinal && !await stream.HasNextAsync())
            {
                context.Response.StatusCode = StatusCodes.Status204NoContent;
                return;
            }
            var response = context.Response;
            response.ContentType = "text/event-stream";
            response.Headers.CacheControl = "no-store";
            response.Headers["X-Accel-Buffering"] = "no";
            context.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
            await stream.WriteAllAsync(context.Request.PathBase);
        }
        catch (OperationCanceledException) when (ending.IsCancellationRequested)
        {
        }
        catch (StoreUnavailableException e) when (context.Response.HasStarted)
        {
            // The reader reconnects with the last number it saw and meets a 503 or the rest of the story.
            logger.StreamInterrupted(job.Id.Value, e.Message);
        }
    }

    private static long LastEventId(HttpRequest request)
    {
        var text = request.Headers["Last-Event-ID"].FirstOrDefault() ?? request.Query["last_event_id"].FirstOrDefault();
        if (string.IsNullOrEmpty(text))
            return 0;
        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw ProblemException.Field("last_event_id", "last_event_id must be a whole number from 0: the id of an event of this stream.");
    }
}
