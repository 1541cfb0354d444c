using ImageService.Core;
using ImageService.Storage.Disk;
using ImageService.Storage.Tests.Contracts;

namespace ImageService.Storage.Tests.Disk;

public sealed class DiskBlobsContract : BlobStoreContract, IDisposable
{
    private readonly TemporaryFolder folder = new();
    private DiskBlobs? blobs;

    private protected override IBlobStore Blobs => blobs ??= new DiskBlobs(new BlobsOptions { DiskPath = folder.Path }, TimeProvider.System);

    public void Dispose() => folder.Dispose();
}
