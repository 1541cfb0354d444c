namespace ImageService.Core;

/// <summary>Where pictures live. Names are immutable: a name is written once, and reading gives all of it or nothing.</summary>
public interface IBlobStore
{
    /// <summary>Writes a blob; when this returns it is durable and readable. Writing the same name again with the same content is a success.</summary>
    /// <exception cref="BlobUnavailableException">The store refused or could not be reached.</exception>
    Task PutAsync(string name, ReadOnlyMemory<byte> content, string contentType, CancellationToken cancellationToken);

    /// <summary>A stream over the content from its beginning, or null if there is no such blob.</summary>
    Task<Stream?> OpenReadAsync(string name, CancellationToken cancellationToken);

    /// <summary>Removes blobs; a name that does not exist is no error.</summary>
    Task DeleteAsync(IReadOnlyCollection<string> names, CancellationToken cancellationToken);

    /// <summary>Names that begin with <paramref name="prefix"/>, with the time each was written, in no order.</summary>
    IAsyncEnumerable<BlobEntry> ListAsync(string prefix, CancellationToken cancellationToken);

    /// <summary>A URL from which anyone may GET the blob for a while, or null where blobs are read through the service.</summary>
    Task<Uri?> GetUrlAsync(string name, CancellationToken cancellationToken);
}

public sealed record BlobEntry(string Name, DateTimeOffset WrittenAt);

/// <summary>The one place that knows how blobs are named.</summary>
public static class BlobNames
{
    /// <summary>The token in the name keeps a fenced-off attempt from ever overwriting the picture of the one that counts.</summary>
    public static string Image(Lease lease, int index) => $"jobs/{lease.Id}/{lease.Token}/{index}.png";

    public static string StartImage(JobId id) => $"jobs/{id}/input/image.rgb";

    public static string Mask(JobId id) => $"jobs/{id}/input/mask.gray";

    public static string OfJob(JobId id) => $"jobs/{id}/";
}

public sealed class BlobUnavailableException : Exception
{
    public BlobUnavailableException() { }
    public BlobUnavailableException(string message) : base(message) { }
    public BlobUnavailableException(string message, Exception inner) : base(message, inner) { }
}
