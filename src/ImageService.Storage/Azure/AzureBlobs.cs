using System.Net;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using Azure;
using Azure.Identity;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Sas;
using ImageService.Core;

namespace ImageService.Storage.Azure;

/// <summary>Blobs in a container of Azure Blob Storage, one block blob each under its own name, written once (<c>If-None-Match: *</c>).</summary>
internal sealed class AzureBlobs : IBlobStore
{
    private const string Digest = "sha256";
    private const int DeletesAtOnce = 8;
    private const int Retries = 3;
    private static readonly RemoteCall Calls = new(e => e is RequestFailedException or AuthenticationFailedException or AggregateException);
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan ClockSkew = TimeSpan.FromMinutes(5);
    private readonly BlobServiceClient service;
    private readonly BlobContainerClient container;
    private readonly TimeSpan? urlLifetime;
    private readonly TimeProvider time;
    private UserDelegationKey? delegation;

    /// <param name="urlLifetime">How long signed URLs are good for; null: none are given.</param>
    public AzureBlobs(AzureBlobsOptions options, TimeSpan? urlLifetime, TimeProvider time)
    {
        this.urlLifetime = urlLifetime;
        var client = new BlobClientOptions();
        client.Retry.MaxRetries = Retries;
        client.Retry.NetworkTimeout = Timeout;
        service = string.IsNullOrEmpty(options.ConnectionString)
            ? new BlobServiceClient(new Uri(options.ServiceUrl!), new DefaultAzureCredential(), client)
            : new BlobServiceClient(options.ConnectionString, client);
        container = service.GetBlobContainerClient(options.Container);
        this.time = time;
    }

    public async Task PutAsync(string name, ReadOnlyMemory<byte> content, string contentType, CancellationToken cancellationToken)
    {
        BlobName.Check(name);
        var digest = Convert.ToHexStringLower(SHA256.HashData(content.Span));
        await Calls.RunAsync($"The blob '{name}' cannot be written", async () =>
        {
            var blob = container.GetBlobClient(name);
            var options = new BlobUploadOptions
            {
                HttpHeaders = new BlobHttpHeaders { ContentType = contentType },
                Metadata = new Dictionary<string, string> { [Digest] = digest },
                Conditions = new BlobRequestConditions { IfNoneMatch = ETag.All },
            };
            try
            {
                await blob.UploadAsync(BinaryData.FromBytes(content), options, cancellationToken);
            }
            catch (RequestFailedException e) when (e.Status is (int)HttpStatusCode.Conflict or (int)HttpStatusCode.PreconditionFailed)
            {
                BlobProperties existing = await blob.GetPropertiesAsync(cancellationToken: cancellationToken);
                if (!existing.Metadata.TryGetValue(Digest, out var written) || written != digest)
                    throw new BlobUnavailableException($"The blob '{name}' exists already with other content.", e);
            }
            return true;
        }, cancellationToken);
    }

    public Task<Stream?> OpenReadAsync(string name, CancellationToken cancellationToken)
    {
        BlobName.Check(name);
        return Calls.RunAsync<Stream?>($"The blob '{name}' cannot be read", async () =>
        {
            BlobDownloadStreamingResult answer;
            try
            {
                answer = await container.GetBlobClient(name).DownloadStreamingAsync(cancellationToken: cancellationToken);
            }
            catch (RequestFailedException e) when (IsMissing(e))
            {
                return null;
            }
            var etag = answer.Details.ETag;
            return new RemoteBlobStream(name, answer.Details.ContentLength, answer.Content, (offset, token) => OpenAtAsync(name, etag, offset, token));
        }, cancellationToken);
    }

    public async Task DeleteAsync(IReadOnlyCollection<string> names, CancellationToken cancellationToken)
    {
        foreach (var name in names)
            BlobName.Check(name);
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = DeletesAtOnce, CancellationToken = cancellationToken };
        await Parallel.ForEachAsync(names, parallel, async (name, token) => await Calls.RunAsync($"The blob '{name}' cannot be deleted",
            () => container.GetBlobClient(name).DeleteIfExistsAsync(DeleteSnapshotsOption.IncludeSnapshots, cancellationToken: token), token));
    }

    public async IAsyncEnumerable<BlobEntry> ListAsync(string prefix, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (!BlobName.IsValidPrefix(prefix))
            throw new ArgumentException("No blob's name can begin with this prefix.", nameof(prefix));
        await using var blobs = container.GetBlobsAsync(new GetBlobsOptions { Prefix = prefix }, cancellationToken).GetAsyncEnumerator(cancellationToken);
        while (await Calls.RunAsync("The blobs cannot be listed", () => blobs.MoveNextAsync().AsTask(), cancellationToken))
        {
            if (BlobName.IsValid(blobs.Current.Name))
                yield return new BlobEntry(blobs.Current.Name, blobs.Current.Properties.LastModified ?? time.GetUtcNow());
        }
    }

    public Task<Uri?> GetUrlAsync(string name, CancellationToken cancellationToken)
    {
        BlobName.Check(name);
        if (urlLifetime is not { } lifetime)
            return Task.FromResult<Uri?>(null);
        return Calls.RunAsync<Uri?>($"The URL of '{name}' cannot be signed", async () =>
        {
            var blob = container.GetBlobClient(name);
            var now = time.GetUtcNow();
            var rights = new BlobSasBuilder(BlobSasPermissions.Read, now + lifetime) { BlobContainerName = container.Name, BlobName = name, Resource = "b" };
            if (blob.CanGenerateSasUri)
                return blob.GenerateSasUri(rights);
            var signed = new BlobUriBuilder(blob.Uri) { Sas = rights.ToSasQueryParameters(await DelegationAsync(now, lifetime, cancellationToken), service.AccountName) };
            return signed.ToUri();
        }, cancellationToken);
    }

    // Without an account key it is the identity that signs, with a key that the service lends for a time.
    private async Task<UserDelegationKey> DelegationAsync(DateTimeOffset now, TimeSpan lifetime, CancellationToken cancellationToken)
    {
        if (delegation is not { } key || key.SignedExpiresOn < now + lifetime)
            delegation = key = await service.GetUserDelegationKeyAsync(now - ClockSkew, now + lifetime + TimeSpan.FromHours(1), cancellationToken);
        return key;
    }

    private Task<Stream> OpenAtAsync(string name, ETag etag, long offset, CancellationToken cancellationToken) =>
        Calls.RunAsync($"The blob '{name}' cannot be read", async () =>
        {
            var options = new BlobDownloadOptions { Range = new HttpRange(offset), Conditions = new BlobRequestConditions { IfMatch = etag } };
            BlobDownloadStreamingResult answer = await container.GetBlobClient(name).DownloadStreamingAsync(options, cancellationToken);
            return answer.Content;
        }, cancellationToken);

    // A missing container is no missing blob: the settings are wrong.
    private static bool IsMissing(RequestFailedException e) => e.Status == (int)HttpStatusCode.NotFound && e.ErrorCode != BlobErrorCode.ContainerNotFound;
}
