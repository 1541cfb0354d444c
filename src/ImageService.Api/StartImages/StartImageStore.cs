using ImageService.Core;

namespace ImageService.Api.StartImages;

/// <summary>Takes uploaded pictures to the blob store as plain rows, so that workers never meet a file that a stranger made.</summary>
internal sealed class StartImageStore(IBlobStore blobs, ILogger<StartImageStore> logger) : IDisposable
{
    // Decoding is pure computation on up to 67 MB a picture: more at a time than cores only costs memory.
    private readonly SemaphoreSlim _decoders = new(Environment.ProcessorCount);

    /// <returns>The picture with its header checked, or null without one.</returns>
    public static StartImage? Open(string field, string? text) => text is null ? null : StartImage.Open(field, Base64Image.Read(field, text));

    /// <summary>Decodes, resizes to the request's size, writes, and names the blobs in the request.</summary>
    public async Task<GenerationRequest> SaveAsync(JobId id, GenerationRequest request, StartImage? image, StartImage? mask, CancellationToken cancellationToken)
    {
        if (image is null)
            return request;
        var (width, height) = (request.Width, request.Height);
        // Both before the first write: a damaged mask must leave nothing behind.
        var pixels = (await DecodeAsync(image, width, height, cancellationToken)).Pixels;
        var paint = mask is null ? null : (await DecodeAsync(mask, width, height, cancellationToken)).ToMask();
        await blobs.PutAsync(BlobNames.StartImage(id), pixels, "application/octet-stream", cancellationToken);
        if (paint is not null)
            await blobs.PutAsync(BlobNames.Mask(id), paint, "application/octet-stream", cancellationToken);
        return request with { Image = BlobNames.StartImage(id), MaskImage = paint is null ? null : BlobNames.Mask(id) };
    }

    /// <summary>Removes what <see cref="SaveAsync"/> wrote for a request that was not taken. Failing to is no reason to fail the answer.</summary>
    public async Task DropAsync(GenerationRequest request)
    {
        if (request.Image is not { } name)
            return;
        try
        {
            await blobs.DeleteAsync(request.MaskImage is { } mask ? [name, mask] : [name], CancellationToken.None);
        }
        catch (BlobUnavailableException e)
        {
            logger.StartImagesLeft(name, e.Message);
        }
    }

    public void Dispose() => _decoders.Dispose();

    private async Task<RgbImage> DecodeAsync(StartImage image, int width, int height, CancellationToken cancellationToken)
    {
        await _decoders.WaitAsync(cancellationToken);
        try
        {
            return await Task.Run(() => Lanczos.Resize(image.Decode(), width, height), cancellationToken);
        }
        finally
        {
            _decoders.Release();
        }
    }
}
