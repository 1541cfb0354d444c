using ImageService.Core;
using ImageService.Storage.Azure;
using ImageService.Storage.Tests.Contracts;

namespace ImageService.Storage.Tests.Objects;

public sealed class AzureBlobsContract(AzuriteServer azurite) : BlobStoreContract, IAsyncLifetime
{
    private AzureBlobs? blobs;

    private protected override IBlobStore Blobs => blobs!;

    public async ValueTask InitializeAsync() => blobs = new AzureBlobs(await azurite.OptionsAsync(), null, TimeProvider.System);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}

public sealed class AzureBlobsTests(AzuriteServer azurite)
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_wrong_key_is_refused()
    {
        var blobs = new AzureBlobs(await azurite.OptionsAsync(Convert.ToBase64String(new byte[64])), null, TimeProvider.System);
        await Assert.ThrowsAsync<BlobUnavailableException>(() => blobs.PutAsync("jobs/a/0.png", new byte[] { 1 }, "image/png", Stop));
    }

    [Fact]
    public async Task A_container_that_does_not_exist_is_no_missing_picture()
    {
        var options = await azurite.OptionsAsync();
        options.Container = "never-made";
        await Assert.ThrowsAsync<BlobUnavailableException>(() => new AzureBlobs(options, null, TimeProvider.System).OpenReadAsync("jobs/a/0.png", Stop));
    }

    [Fact]
    public async Task A_signed_URL_gives_the_picture_until_it_is_changed_or_expires()
    {
        var options = await azurite.OptionsAsync();
        await SignedUrls.CheckAsync(lifetime => new AzureBlobs(options, lifetime, TimeProvider.System));
    }
}
