using System.Globalization;
using ImageService.Api.Problems;
using ImageService.Core;

namespace ImageService.Api.Jobs;

/// <summary>Reads the query of <c>GET /v1/jobs</c>.</summary>
internal static class JobListQuery
{
    /// <exception cref="ProblemException">400 with every wrong parameter.</exception>
    public static JobQuery Parse(string? limit, string? before, string? status)
    {
        var errors = new FieldErrors();
        var count = RequestRanges.DefaultPage;
        if (limit is not null
            && (!int.TryParse(limit, NumberStyles.None, CultureInfo.InvariantCulture, out count) || count is < 1 or > RequestRanges.MaxPage))
            errors.Add("limit", $"limit must be a whole number from 1 to {RequestRanges.MaxPage}.");
        JobId? older = null;
        if (before is not null)
        {
            if (JobId.TryParse(before, out var id))
                older = id;
            else
                errors.Add("before", "before must be the id of a job, as next of the page before.");
        }
        JobStatus? state = null;
        if (status is not null)
        {
            if (Enum.GetValues<JobStatus>().Where(s => NameOf(s) == status).Select(s => (JobStatus?)s).FirstOrDefault() is { } known)
                state = known;
            else
                errors.Add("status", $"status must be one of {string.Join(", ", Enum.GetValues<JobStatus>().Select(NameOf))}.");
        }
        errors.ThrowIfAny();
        return new JobQuery(count, older, state);
    }

    /// <summary>The state's word on the wire.</summary>
    public static string NameOf(JobStatus status) => status switch
    {
        JobStatus.Queued => "queued",
        JobStatus.Running => "running",
        JobStatus.Succeeded => "succeeded",
        JobStatus.Failed => "failed",
        _ => "canceled",
    };
}
