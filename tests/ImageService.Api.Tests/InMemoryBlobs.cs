using System.Collections.Concurrent;
using ImageService.Core;

namespace ImageService.Api.Tests;

internal sealed class InMemoryBlobs : IBlobStore
{
    public ConcurrentDictionary<string, byte[]> Blobs { get; } = new();
    public bool Down { get; set; }

    /// <summary>Where signed URLs lead; null: there are none.</summary>
    public Uri? SignedUrls { get; set; }

    public Task PutAsync(string name, ReadOnlyMemory<byte> content, string contentType, CancellationToken cancellationToken)
    {
        Reach();
        Blobs[name] = content.ToArray();
        return Task.CompletedTask;
    }

    public Task<Stream?> OpenReadAsync(string name, CancellationToken cancellationToken)
    {
        Reach();
        return Task.FromResult<Stream?>(Blobs.TryGetValue(name, out var content) ? new MemoryStream(content, writable: false) : null);
    }

    public Task DeleteAsync(IReadOnlyCollection<string> names, CancellationToken cancellationToken)
    {
        Reach();
        foreach (var name in names)
            Blobs.TryRemove(name, out _);
        return Task.CompletedTask;
    }

    public async IAsyncEnumerable<BlobEntry> ListAsync(string prefix, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.CompletedTask;
        foreach (var name in Blobs.Keys.Where(n => n.StartsWith(prefix, StringComparison.Ordinal)))
            yield return new BlobEntry(name, DateTimeOffset.UnixEpoch);
    }

    public Task<Uri?> GetUrlAsync(string name, CancellationToken cancellationToken) =>
        Task.FromResult(SignedUrls is null ? null : new Uri(SignedUrls, name));

    private void Reach()
    {
        if (Down)
            throw new BlobUnavailableException("down");
    }
}
