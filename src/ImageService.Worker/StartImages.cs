using ImageService.Core;
using ImageService.Diffusion.Denoise;

namespace ImageService.Worker;

/// <summary>Fetches what a job brings along besides its words.</summary>
internal static class StartImages
{
    /// <returns>Null if a blob is missing or has not the size that the request says.</returns>
    public static async Task<DenoiseJob?> LoadAsync(IBlobStore blobs, LeasedJob leased, IDenoiseListener listener, CancellationToken cancellationToken)
    {
        var request = leased.Job.Request;
        var pixels = request.Width * request.Height;
        var image = await ReadAsync(blobs, request.Image, pixels * 3, cancellationToken);
        var mask = await ReadAsync(blobs, request.MaskImage, pixels, cancellationToken);
        return image is null || mask is null ? null : new DenoiseJob(request, listener, leased.State) { Client = leased.Job.Client, StartImage = image, Mask = mask };
    }

    private static async Task<byte[]?> ReadAsync(IBlobStore blobs, string? name, int length, CancellationToken cancellationToken)
    {
        if (name is null)
            return [];
        try
        {
            await using var stream = await blobs.OpenReadAsync(name, cancellationToken);
            if (stream is null)
                return null;
            var content = new byte[length];
            await stream.ReadExactlyAsync(content, cancellationToken);
            return await stream.ReadAsync(new byte[1], cancellationToken) == 0 ? content : null;
        }
        catch (Exception e) when (e is EndOfStreamException or BlobUnavailableException)
        {
            return null;
        }
    }
}
