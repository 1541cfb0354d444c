using System.Net;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;
using ImageService.Core;

namespace ImageService.Storage.S3;

/// <summary>
/// Blobs in a bucket of Amazon S3 or of a store that speaks its language, one object each under its own name.
/// </summary>
/// <remarks>
/// A name is written once: a look first, and <c>If-None-Match</c> for the race between the look and the write, with stores that know it. The SHA-256
/// beside the object tells whether what is there already is the same. Objects appear whole or not at all.
/// </remarks>
internal sealed class S3Blobs : IBlobStore, IDisposable
{
    private const string Digest = "x-amz-meta-sha256";
    private const int DeletesAtOnce = 8;
    private static readonly RemoteCall Calls = new(e => e is AmazonServiceException or AmazonClientException);
    private readonly S3BlobsOptions options;
    private readonly TimeSpan? urlLifetime;
    private readonly TimeProvider time;
    private readonly AmazonS3Client client;
    private readonly AmazonS3Client signer;
    private volatile bool unconditional; // the store has said that it knows no conditional writes

    /// <param name="urlLifetime">How long signed URLs are good for; null: none are given.</param>
    /// <param name="credentials">Null: found as Amazon's tools find them.</param>
    public S3Blobs(S3BlobsOptions options, TimeSpan? urlLifetime, TimeProvider time, AWSCredentials? credentials = null)
    {
        this.options = options;
        this.urlLifetime = urlLifetime;
        this.time = time;
        client = S3Client.Create(options, options.ServiceUrl, credentials);
        signer = string.IsNullOrEmpty(options.PublicUrl) ? client : S3Client.Create(options, options.PublicUrl, credentials);
    }

    public async Task PutAsync(string name, ReadOnlyMemory<byte> content, string contentType, CancellationToken cancellationToken)
    {
        BlobName.Check(name);
        var digest = Convert.ToHexStringLower(SHA256.HashData(content.Span));
        await Calls.RunAsync($"The blob '{name}' cannot be written", async () =>
        {
            var existing = await DigestOfAsync(name, cancellationToken);
            if (existing is null && await TryWriteAsync(name, content, contentType, digest, cancellationToken))
                return true;
            existing ??= await DigestOfAsync(name, cancellationToken); // somebody was faster
            if (existing != digest)
                throw new BlobUnavailableException($"The blob '{name}' exists already with other content.");
            return true;
        }, cancellationToken);
    }

    public Task<Stream?> OpenReadAsync(string name, CancellationToken cancellationToken)
    {
        BlobName.Check(name);
        return Calls.RunAsync<Stream?>($"The blob '{name}' cannot be read", async () =>
        {
            GetObjectResponse answer;
            try
            {
                answer = await client.GetObjectAsync(options.Bucket, name, cancellationToken);
            }
            catch (AmazonS3Exception e) when (IsMissing(e))
            {
                return null;
            }
            return new RemoteBlobStream(name, answer.ContentLength, answer.ResponseStream, (offset, token) => OpenAtAsync(name, answer.ETag, offset, token));
        }, cancellationToken);
    }

    // One by one: the request for many at once wants a checksum that not every store computes alike.
    public async Task DeleteAsync(IReadOnlyCollection<string> names, CancellationToken cancellationToken)
    {
        foreach (var name in names)
            BlobName.Check(name);
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = DeletesAtOnce, CancellationToken = cancellationToken };
        await Parallel.ForEachAsync(names, parallel, async (name, token) =>
            await Calls.RunAsync($"The blob '{name}' cannot be deleted", async () =>
            {
                try
                {
                    await client.DeleteObjectAsync(options.Bucket, name, token);
                    return true;
                }
                catch (AmazonS3Exception e) when (IsMissing(e))
                {
                    return false; // gone already
                }
            }, token));
    }

    public async IAsyncEnumerable<BlobEntry> ListAsync(string prefix, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (!BlobName.IsValidPrefix(prefix))
            throw new ArgumentException("No blob's name can begin with this prefix.", nameof(prefix));
        var request = new ListObjectsV2Request { BucketName = options.Bucket, Prefix = prefix };
        do
        {
            var page = await Calls.RunAsync("The blobs cannot be listed", () => client.ListObjectsV2Async(request, cancellationToken), cancellationToken);
            foreach (var item in page.S3Objects ?? [])
            {
                if (BlobName.IsValid(item.Key))
                    yield return new BlobEntry(item.Key, new DateTimeOffset((item.LastModified ?? time.GetUtcNow().UtcDateTime).ToUniversalTime()));
            }
            request.ContinuationToken = page.IsTruncated == true ? page.NextContinuationToken : null;
        }
        while (request.ContinuationToken is not null);
    }

    public Task<Uri?> GetUrlAsync(string name, CancellationToken cancellationToken)
    {
        BlobName.Check(name);
        if (urlLifetime is not { } lifetime)
            return Task.FromResult<Uri?>(null);
        var plain = signer.Config.ServiceURL?.StartsWith("http:", StringComparison.OrdinalIgnoreCase) == true;
        var request = new GetPreSignedUrlRequest
        {
            BucketName = options.Bucket,
            Key = name,
            Verb = HttpVerb.GET,
            Protocol = plain ? Protocol.HTTP : Protocol.HTTPS,
            Expires = time.GetUtcNow().Add(lifetime).UtcDateTime,
        };
        return Calls.RunAsync<Uri?>($"The URL of '{name}' cannot be signed", async () => new Uri(await signer.GetPreSignedURLAsync(request)), cancellationToken);
    }

    public void Dispose()
    {
        if (!ReferenceEquals(signer, client))
            signer.Dispose();
        client.Dispose();
    }

    /// <returns>False if somebody else has written the name in the meantime.</returns>
    private async Task<bool> TryWriteAsync(string name, ReadOnlyMemory<byte> content, string contentType, string digest, CancellationToken cancellationToken)
    {
        try
        {
            await WriteAsync(name, content, contentType, digest, cancellationToken);
            return true;
        }
        catch (AmazonS3Exception e) when (e.StatusCode is HttpStatusCode.PreconditionFailed or HttpStatusCode.Conflict)
        {
            return false;
        }
        catch (AmazonS3Exception e) when (e.StatusCode == HttpStatusCode.NotImplemented && !unconditional)
        {
            unconditional = true;
            await WriteAsync(name, content, contentType, digest, cancellationToken);
            return true;
        }
    }

    private async Task WriteAsync(string name, ReadOnlyMemory<byte> content, string contentType, string digest, CancellationToken cancellationToken)
    {
        using var body = new MemoryStream(content.ToArray(), writable: false);
        var request = new PutObjectRequest
        {
            BucketName = options.Bucket,
            Key = name,
            InputStream = body,
            AutoCloseStream = false,
            ContentType = contentType,
            UseChunkEncoding = options.ChunkEncoding,
            IfNoneMatch = unconditional ? null : "*",
        };
        request.Metadata[Digest] = digest;
        await client.PutObjectAsync(request, cancellationToken);
    }

    private async Task<string?> DigestOfAsync(string name, CancellationToken cancellationToken)
    {
        try
        {
            var found = await client.GetObjectMetadataAsync(options.Bucket, name, cancellationToken);
            return found.Metadata[Digest] ?? "";
        }
        catch (AmazonS3Exception e) when (IsMissing(e))
        {
            return null;
        }
    }

    private Task<Stream> OpenAtAsync(string name, string etag, long offset, CancellationToken cancellationToken) =>
        Calls.RunAsync($"The blob '{name}' cannot be read", async () =>
        {
            var request = new GetObjectRequest { BucketName = options.Bucket, Key = name, EtagToMatch = etag, ByteRange = new ByteRange($"bytes={offset}-") };
            return (await client.GetObjectAsync(request, cancellationToken)).ResponseStream;
        }, cancellationToken);

    // A missing bucket is no missing blob: the settings are wrong.
    private static bool IsMissing(AmazonS3Exception e) => e.StatusCode == HttpStatusCode.NotFound && e.ErrorCode != "NoSuchBucket";
}
