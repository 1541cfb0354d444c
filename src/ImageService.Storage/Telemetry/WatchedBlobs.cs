using ImageService.Core;

namespace ImageService.Storage.Telemetry;

/// <summary>The picture store as callers get it: counted and traced as <see cref="WatchedJobs"/>.</summary>
internal sealed class WatchedBlobs(IBlobStore blobs) : IBlobStore, IDisposable
{
    private const string Store = StorageTelemetry.Pictures;

    public Task PutAsync(string name, ReadOnlyMemory<byte> content, string contentType, CancellationToken cancellationToken) =>
        Watched.RunAsync(Store, "put", () => blobs.PutAsync(name, content, contentType, cancellationToken));

    public Task<Stream?> OpenReadAsync(string name, CancellationToken cancellationToken) =>
        Watched.RunAsync(Store, "open", () => blobs.OpenReadAsync(name, cancellationToken));

    public Task DeleteAsync(IReadOnlyCollection<string> names, CancellationToken cancellationToken) =>
        Watched.RunAsync(Store, "delete", () => blobs.DeleteAsync(names, cancellationToken));

    public IAsyncEnumerable<BlobEntry> ListAsync(string prefix, CancellationToken cancellationToken) =>
        Watched.Stream(Store, blobs.ListAsync(prefix, cancellationToken), cancellationToken);

    public Task<Uri?> GetUrlAsync(string name, CancellationToken cancellationToken) =>
        Watched.RunAsync(Store, "sign", () => blobs.GetUrlAsync(name, cancellationToken));

    public void Dispose() => (blobs as IDisposable)?.Dispose();
}
