using System.Globalization;
using ImageService.Api.Problems;
using ImageService.Core;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Net.Http.Headers;

namespace ImageService.Api.Jobs;

/// <summary>
/// <c>GET /v1/jobs/{id}/images/{index}</c>: the finished file, which never changes, with ranges and conditional requests; or the way to it, where the
/// store signs URLs.
/// </summary>
internal static class JobImagesApi
{
    public static async Task<Results<FileStreamHttpResult, RedirectHttpResult>> Get(
        string id, string index, HttpRequest request, HttpResponse response, TimedJobStore store, IBlobStore blobs, CancellationToken cancellationToken)
    {
        var job = await store.FindAsync(id, cancellationToken);
        var image = Find(job, index);
        if (MayLeave(request) && await blobs.GetUrlAsync(image.BlobName, cancellationToken) is { } url)
        {
            response.Headers.CacheControl = "no-store";
            return TypedResults.Redirect(url.AbsoluteUri, permanent: false, preserveMethod: true);
        }
        var content = await blobs.OpenReadAsync(image.BlobName, cancellationToken)
            ?? throw new ProblemException(ProblemKind.ImageNotFound, "The picture has been removed after its retention time.");
        response.Headers.CacheControl = "private, max-age=31536000, immutable";
        response.Headers.ContentDisposition = $"inline; filename=\"{job.Id}-{image.Index}.png\"";
        return TypedResults.Stream(content, "image/png", enableRangeProcessing: true, entityTag: new EntityTagHeaderValue($"\"{image.Sha256}\""));
    }

    // A URL is signed for GET alone. And the service's own page shows nothing of another origin: its policy forbids it.
    private static bool MayLeave(HttpRequest request) =>
        HttpMethods.IsGet(request.Method) && !string.Equals(request.Headers["Sec-Fetch-Site"], "same-origin", StringComparison.Ordinal);

    private static GeneratedImage Find(Job job, string index)
    {
        var known = int.TryParse(index, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number < job.Request.NumImages;
        if (!known)
            throw new ProblemException(ProblemKind.ImageNotFound, $"This job's pictures are numbered from 0 to {job.Request.NumImages - 1}.");
        if (!job.IsFinal)
            throw new ProblemException(ProblemKind.ImageNotReady, "The job has not ended yet; watch its events or ask again later.");
        return job.Images.FirstOrDefault(i => i.Index == number)
            ?? throw new ProblemException(ProblemKind.ImageNotFound, $"The job is {JobListQuery.NameOf(job.Status)} and has no pictures.");
    }
}
