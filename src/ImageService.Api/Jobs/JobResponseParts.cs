using ImageService.Core;

namespace ImageService.Api.Jobs;

/// <summary>A finished picture.</summary>
/// <param name="Index">0 to num_images - 1.</param>
/// <param name="Seed">The seed that draws this picture alone.</param>
/// <param name="Url">Where to GET it, relative to the service.</param>
/// <param name="Sha256">Digest of the file, lower-case hexadecimal.</param>
/// <param name="Bytes">Length of the file.</param>
internal sealed record ImageResponse(int Index, long Seed, string Url, string Sha256, int Width, int Height, long Bytes)
{
    public static ImageResponse From(JobId job, GeneratedImage image, PathString pathBase) =>
        new(image.Index, image.Seed, $"{pathBase}/v1/jobs/{job}/images/{image.Index}", image.Sha256, image.Width, image.Height, image.Bytes);
}

/// <summary>Why a job failed.</summary>
/// <param name="Code">Stable, for programs.</param>
/// <param name="Message">One sentence for people.</param>
internal sealed record JobErrorResponse(string Code, string Message);

/// <summary>Where the time went, in seconds.</summary>
/// <param name="Queued">From acceptance to the first attempt.</param>
/// <param name="Admission">From acceptance to the beginning of the first step.</param>
/// <param name="Encode">Text encoder, and image encoder with a start image.</param>
/// <param name="Denoise">First to last step, shared batches included.</param>
/// <param name="Decode">VAE decoder.</param>
/// <param name="Upload">Encoding and storing the files.</param>
/// <param name="RowSteps">U-Net rows computed: the unit of cost.</param>
internal sealed record JobTimingsResponse(double Queued, double Admission, double Encode, double Denoise, double Decode, double Upload, long RowSteps)
{
    public static JobTimingsResponse? From(JobTimings? timings) => timings is null
        ? null
        : new(timings.Queued, timings.Admission, timings.Encode, timings.Denoise, timings.Decode, timings.Upload, timings.RowSteps);
}

/// <summary>A page of jobs, newest first.</summary>
/// <param name="Jobs">At most <c>limit</c> of them.</param>
/// <param name="Next">Give it as <c>before</c> for the next page; null = no more.</param>
internal sealed record JobListResponse(IReadOnlyList<JobResponse> Jobs, string? Next);
