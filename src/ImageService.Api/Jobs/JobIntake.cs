using System.Security.Cryptography;
using System.Text.Json;
using ImageService.Api.Models;
using ImageService.Api.Problems;
using ImageService.Api.StartImages;
using ImageService.Core;
using Microsoft.Extensions.Options;

namespace ImageService.Api.Jobs;

/// <summary>From a body to an accepted job: model, start images, defaults, limits, queue. Every front end submits through here.</summary>
internal sealed class JobIntake(
    TimedJobStore store, ModelCatalog models, JobValidator validator, StartImageStore startImages,
    JobEstimates estimates, IOptions<LimitsOptions> limits, TimeProvider time, ILogger<JobIntake> logger)
{
    /// <exception cref="ProblemException">The request was not taken.</exception>
    /// <exception cref="StoreUnavailableException">It is not known whether the job was taken; a retry with the same key finds out.</exception>
    public async Task<(Job Job, bool Replayed)> SubmitAsync(JobBody body, Caller caller, CancellationToken cancellationToken)
    {
        var model = await models.FindAsync(body.Model, cancellationToken);
        using var image = StartImageStore.Open("image", body.Image);
        using var mask = StartImageStore.Open("mask_image", body.MaskImage);
        var request = validator.Validate(body, model, image?.Size, mask?.Size);
        await RequireRoomAsync(caller, cancellationToken);

        var id = JobId.New(time);
        using var activity = ApiTelemetry.Activities.StartActivity("submit");
        activity?.SetTag("job.id", id.Value).SetTag("model", request.Model);
        request = await startImages.SaveAsync(id, request, image, mask, cancellationToken);
        var key = caller.IdempotencyKey is { } own ? $"{caller.Client}:jobs:{own}" : null;
        var submission = new JobSubmission(id, request, caller.Client, key, key is null ? null : Fingerprint(body), activity?.Id ?? caller.TraceParent);
        var result = await store.SubmitAsync(submission, cancellationToken);
        if (result.Outcome != SubmitOutcome.Accepted)
            await startImages.DropAsync(request);
        switch (result.Outcome)
        {
            case SubmitOutcome.Accepted:
                logger.JobAccepted(id.Value, request.NumImages, request.Width, request.Height, request.NumInferenceSteps, request.Scheduler, request.Model);
                return (result.Job!, false);
            case SubmitOutcome.Replayed:
                return (result.Job!, true);
            case SubmitOutcome.KeyReused:
                throw new ProblemException(ProblemKind.KeyReused, "This Idempotency-Key was used before with another request; take a new key.");
            default:
                throw new ProblemException(ProblemKind.QueueFull, $"{result.Depth.Queued} jobs are waiting, as many as the queue takes.")
                {
                    RetryAfter = await estimates.UntilPlaceAsync(request.Model, result, cancellationToken),
                };
        }
    }

    private async Task RequireRoomAsync(Caller caller, CancellationToken cancellationToken)
    {
        if (limits.Value.MaxWaitingPerClient is not (> 0 and var most))
            return;
        if (await store.WaitingAsync(caller.Client, cancellationToken) < most)
            return;
        var waiting = await store.ListAsync(new JobQuery(Math.Min(most, 100), Status: JobStatus.Queued, Client: caller.Client), cancellationToken);
        if (waiting.Jobs.Count == 0)
            return; // they have just been leased
        throw new ProblemException(ProblemKind.TooManyJobs, $"At most {most} jobs of one client may wait at a time.")
        {
            // Its oldest of the last hundred, unless a younger one has a higher priority: looking for an older one would cost more than the second that it tells.
            RetryAfter = await estimates.UntilStartAsync(waiting.Jobs[^1].Id, cancellationToken),
        };
    }

    // Canonical: our own field order, nulls left out, numbers as they were understood, metadata sorted.
    private static string Fingerprint(JobBody body)
    {
        var sorted = body.Metadata is null ? body : body with { Metadata = new SortedDictionary<string, string>(body.Metadata.ToDictionary(), StringComparer.Ordinal) };
        return Convert.ToHexStringLower(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(sorted, ApiJson.Canonical)));
    }
}
