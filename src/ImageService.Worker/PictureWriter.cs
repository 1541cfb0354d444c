using System.Security.Cryptography;
using ImageService.Core;
using ImageService.Diffusion.Denoise;
using ImageService.Diffusion.Imaging;
using Microsoft.Extensions.Options;

namespace ImageService.Worker;

/// <summary>Encodes a finished picture, writes it to the blob store and reads it back: only what can be read counts as written.</summary>
internal sealed class PictureWriter(IBlobStore blobs, PictureFormat format, IOptions<WorkerOptions> options, TimeProvider time, ILogger<PictureWriter> logger)
{
    /// <exception cref="BlobUnavailableException">Every attempt has failed.</exception>
    public async Task<GeneratedImage> WriteAsync(Lease lease, GenerationRequest request, DecodedPicture picture, CancellationToken cancellationToken)
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding); // the caller may be the engine's thread
        var content = format.Encode(picture, request);
        var digest = SHA256.HashData(content.Span);
        var name = BlobNames.Image(lease, picture.Index);
        var delay = TimeSpan.FromMilliseconds(250);
        for (var attempt = 1; ; attempt++, delay *= 2)
        {
            try
            {
                await blobs.PutAsync(name, content, PngEncoder.ContentType, cancellationToken);
                await VerifyAsync(name, digest, cancellationToken);
                return new GeneratedImage(picture.Index, picture.Seed, name, Convert.ToHexStringLower(digest), content.Length, picture.Width, picture.Height);
            }
            catch (BlobUnavailableException e) when (attempt < options.Value.BlobAttempts)
            {
                Log.BlobRetried(logger, e, lease.Id, name, attempt, delay.TotalSeconds);
                await Task.Delay(delay, time, cancellationToken);
            }
        }
    }

    private async Task VerifyAsync(string name, byte[] digest, CancellationToken cancellationToken)
    {
        await using var written = await blobs.OpenReadAsync(name, cancellationToken)
            ?? throw new BlobUnavailableException($"The blob {name} was written but cannot be found.");
        var found = await SHA256.HashDataAsync(written, cancellationToken);
        if (!found.AsSpan().SequenceEqual(digest))
            throw new BlobUnavailableException($"The blob {name} does not hold what was written.");
    }
}
