using System.Globalization;
using ImageService.Api.OpenApi;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;

namespace ImageService.Api.Jobs;

/// <summary><c>/v1/jobs</c>: submit, look, list, cancel, watch, fetch.</summary>
internal static class JobsApi
{
    public static void MapJobs(this IEndpointRouteBuilder routes)
    {
        var jobs = routes.MapGroup("/v1/jobs").WithTags("Jobs").ProducesProblems(503);
        jobs.MapPost("", Submit).WithName("submitJob").Accepts<JobBody>("application/json").ProducesProblems(400, 404, 413, 415, 422, 429)
            .WithSummary("Submit a job")
            .WithDescription("Answers 202 at once, or with `Prefer: wait=N` 200 when the job ends within N seconds. "
                + "With `Idempotency-Key` a repeated request returns the first one's job.");
        jobs.MapGet("", List).WithName("listJobs").ProducesProblems(400).WithSummary("List jobs, newest first");
        jobs.MapGet("/{id}", Get).WithName("getJob").ProducesProblems(404, 410).WithSummary("Look at a job");
        jobs.MapDelete("/{id}", Cancel).WithName("cancelJob").ProducesProblems(404, 410).WithSummary("Cancel a job")
            .WithDescription("Ends a job that has not ended. A job that has ended stays as it is and is returned.");
        jobs.MapGet("/{id}/events", JobEventsApi.Watch).WithName("watchJob").ProducesProblems(400, 404, 410).Produces<string>(200, "text/event-stream")
            .Produces(204).WithSummary("Watch a job by server-sent events")
            .WithDescription("`progress` and `preview` events, then one `succeeded`, `failed` or `canceled` whose data is the job. "
                + "A `progress` event that is the latest carries `estimated_start_at` and `estimated_finish_at`, as the job does. "
                + "A reader that comes back sends `Last-Event-ID`; 204 says that nothing is left to tell.");
        jobs.MapMethods("/{id}/images/{index}", ["HEAD"], JobImagesApi.Get).ExcludeFromDescription();
        jobs.MapGet("/{id}/images/{index}", JobImagesApi.Get).WithName("getImage").ProducesProblems(404, 410)
            .Produces<byte[]>(200, "image/png").Produces<byte[]>(206, "image/png").Produces(304).Produces(307).Produces(416).WithSummary("Fetch a picture");
    }

    private static async Task<Results<Ok<JobResponse>, Accepted<JobResponse>>> Submit(
        HttpContext context, JobIntake intake, JobWaiter waiter, JobEstimates estimates, IOptions<ApiOptions> options, IOptions<LimitsOptions> limits, CancellationToken cancellationToken)
    {
        var caller = Caller.Of(context);
        var body = await JobBodyReader.ReadAsync(context.Request, limits.Value.MaxBodyBytes, cancellationToken);
        var (job, replayed) = await intake.SubmitAsync(body, caller, cancellationToken);
        var headers = context.Response.Headers;
        if (replayed)
            headers[IdempotencyKeyHeader.ReplayedName] = "true";
        if (PreferHeader.Wait(context.Request.Headers, options.Value.MaxWaitSeconds) is { } seconds)
        {
            headers["Preference-Applied"] = string.Create(CultureInfo.InvariantCulture, $"wait={seconds}");
            job = await waiter.WaitAsync(job, TimeSpan.FromSeconds(seconds), cancellationToken);
        }
        var location = $"{context.Request.PathBase}/v1/jobs/{job.Id}";
        var times = await estimates.OfAsync(job, cancellationToken);
        estimates.Announce(times, headers);
        var response = JobResponse.From(job, context.Request.PathBase, times);
        if (!job.IsFinal)
            return TypedResults.Accepted(location, response);
        headers.Location = location;
        return TypedResults.Ok(response);
    }

    private static async Task<Ok<JobListResponse>> List(
        HttpRequest request, TimedJobStore store, CancellationToken cancellationToken, string? limit = null, string? before = null, string? status = null)
    {
        var page = await store.ListAsync(JobListQuery.Parse(limit, before, status), cancellationToken);
        return TypedResults.Ok(new JobListResponse([.. page.Jobs.Select(j => JobResponse.From(j, request.PathBase))], page.Next?.Value));
    }

    private static async Task<Ok<JobResponse>> Get(string id, HttpContext context, TimedJobStore store, JobEstimates estimates, CancellationToken cancellationToken)
    {
        var job = await store.FindAsync(id, cancellationToken);
        var times = await estimates.OfAsync(job, cancellationToken);
        estimates.Announce(times, context.Response.Headers);
        return TypedResults.Ok(JobResponse.From(job, context.Request.PathBase, times));
    }

    private static async Task<Ok<JobResponse>> Cancel(string id, HttpRequest request, TimedJobStore store, CancellationToken cancellationToken)
    {
        return TypedResults.Ok(JobResponse.From(await store.EndAsync(id, cancellationToken), request.PathBase));
    }
}
