using Grpc.Core;
using ImageService.Api.Jobs;
using ImageService.Api.Models;
using ImageService.Api.Problems;
using ImageService.Core;
using ImageService.V1;
using Job = ImageService.V1.Job;
using JobEvent = ImageService.V1.JobEvent;

namespace ImageService.Api.Grpc;

/// <summary><c>imageservice.v1.Images</c>: the same jobs as REST, through the same intake and store.</summary>
internal sealed class ImagesService(
    JobIntake intake, TimedJobStore store, JobEstimates estimates, ModelCatalog models, Drain drain, ILogger<ImagesService> logger) : Images.ImagesBase
{
    public override async Task<Job> Submit(SubmitRequest request, ServerCallContext context)
    {
        var (job, _) = await intake.SubmitAsync(RequestReader.Body(request), Caller(request, context), context.CancellationToken);
        return await WriteAsync(job, context);
    }

    public override async Task<Job> Get(GetRequest request, ServerCallContext context) =>
        await WriteAsync(await store.FindAsync(request.Id, context.CancellationToken), context);

    public override async Task<Job> Cancel(CancelRequest request, ServerCallContext context) =>
        await WriteAsync(await store.EndAsync(request.Id, context.CancellationToken), context);

    public override async Task Watch(WatchRequest request, IServerStreamWriter<JobEvent> responseStream, ServerCallContext context)
    {
        if (request.AfterSequence < 0)
            throw ProblemException.Field("after_sequence", "after_sequence must be a whole number from 0: the sequence of an event of this job.");
        var job = await store.FindAsync(request.Id, context.CancellationToken);
        await StreamAsync(job, request.AfterSequence, responseStream, context);
    }

    public override async Task Generate(SubmitRequest request, IServerStreamWriter<JobEvent> responseStream, ServerCallContext context)
    {
        // Not canceled in the middle: whether the job was accepted must be known here, to cancel it too.
        var (job, _) = await intake.SubmitAsync(RequestReader.Body(request), Caller(request, context), CancellationToken.None);
        try
        {
            await StreamAsync(job, 0, responseStream, context);
        }
        finally
        {
            // The caller has left, or its deadline has passed.
            if (context.CancellationToken.IsCancellationRequested)
                await AbandonAsync(job.Id);
        }
    }

    public override async Task<ListModelsResponse> ListModels(ListModelsRequest request, ServerCallContext context) =>
        new() { Models = { (await models.ListAsync(context.CancellationToken)).Select(JobWriter.From) } };

    /// <remarks>
    /// One event at a time: the next is asked for only when the last was taken by the connection. What a slow reader does not take waits in the
    /// store's log, which is bounded and drops old previews first; the worker never waits for a reader and the final event is never dropped.
    /// </remarks>
    private async Task StreamAsync(Core.Job job, long after, IServerStreamWriter<JobEvent> stream, ServerCallContext context)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, drain.Over);
        try
        {
            await foreach (var happened in store.WatchAsync(job.Id, after, ending.Token))
            {
                var times = await estimates.OfAsync(job.Request, happened, ending.Token);
                await stream.WriteAsync(JobWriter.From(happened, job.Id, times, PathBase(context)), ending.Token);
            }
        }
        catch (OperationCanceledException) when (drain.Over.IsCancellationRequested && !context.CancellationToken.IsCancellationRequested)
        {
            throw new ProblemException(ProblemKind.Stopping, "This replica stops; watch the job again, after the last sequence seen.") { RetryAfter = TimeSpan.FromSeconds(1) };
        }
    }

    private async Task<Job> WriteAsync(Core.Job job, ServerCallContext context) =>
        JobWriter.From(job, await estimates.OfAsync(job, context.CancellationToken), PathBase(context));

    private async Task AbandonAsync(JobId id)
    {
        try
        {
            await store.CancelAsync(id, CancellationToken.None);
        }
        catch (StoreUnavailableException e)
        {
            logger.NotAbandoned(id.Value, e.Message);
        }
    }

    private static Caller Caller(SubmitRequest request, ServerCallContext context) =>
        Jobs.Caller.Of(context.GetHttpContext(), RequestReader.IdempotencyKey(request));

    private static PathString PathBase(ServerCallContext context) => context.GetHttpContext().Request.PathBase;
}
