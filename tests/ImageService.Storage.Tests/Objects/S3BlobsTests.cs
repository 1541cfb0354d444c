using System.Diagnostics;
using System.Net;
using Amazon.Runtime;
using ImageService.Core;
using ImageService.Storage.S3;
using ImageService.Storage.Tests.Contracts;

namespace ImageService.Storage.Tests.Objects;

public sealed class S3BlobsContract(SwiftServer swift) : BlobStoreContract, IAsyncLifetime
{
    private S3Blobs? blobs;

    private protected override IBlobStore Blobs => blobs!;

    // Swift's S3 interface refuses If-None-Match.
    private protected override bool DecidesRaces => false;

    public async ValueTask InitializeAsync() => blobs = new S3Blobs(await swift.OptionsAsync(), null, TimeProvider.System, SwiftServer.Credentials);

    public ValueTask DisposeAsync()
    {
        blobs?.Dispose();
        return ValueTask.CompletedTask;
    }
}

public sealed class S3BlobsTests(SwiftServer swift)
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_wrong_secret_is_refused()
    {
        using var blobs = new S3Blobs(await swift.OptionsAsync(), null, TimeProvider.System, new BasicAWSCredentials("test:tester", "guessed"));
        await Assert.ThrowsAsync<BlobUnavailableException>(() => blobs.PutAsync("jobs/a/0.png", new byte[] { 1 }, "image/png", Stop));
        await Assert.ThrowsAsync<BlobUnavailableException>(() => blobs.OpenReadAsync("jobs/a/0.png", Stop));
    }

    [Fact]
    public async Task A_bucket_that_does_not_exist_is_no_missing_picture()
    {
        var options = await swift.OptionsAsync();
        options.Bucket = "never-made";
        using var blobs = new S3Blobs(options, null, TimeProvider.System, SwiftServer.Credentials);
        await Assert.ThrowsAsync<BlobUnavailableException>(() => blobs.OpenReadAsync("jobs/a/0.png", Stop));
    }

    [Fact]
    public async Task A_server_that_is_not_there_is_unavailable()
    {
        var options = new S3BlobsOptions { Bucket = "pictures", ServiceUrl = $"http://127.0.0.1:{ServerProcess.FreePorts(1)[0]}", ForcePathStyle = true };
        using var blobs = new S3Blobs(options, null, TimeProvider.System, SwiftServer.Credentials);
        await Assert.ThrowsAsync<BlobUnavailableException>(() => blobs.PutAsync("jobs/a/0.png", new byte[] { 1 }, "image/png", Stop));
    }

    [Fact]
    public async Task A_signed_URL_gives_the_picture_until_it_is_changed_or_expires()
    {
        var options = await swift.OptionsAsync();
        await SignedUrls.CheckAsync(lifetime => new S3Blobs(options, lifetime, TimeProvider.System, SwiftServer.Credentials));
    }

    [Fact]
    public async Task Signed_URLs_begin_with_the_public_address()
    {
        var options = await swift.OptionsAsync();
        options.PublicUrl = "https://pictures.example.org";
        using var blobs = new S3Blobs(options, TimeSpan.FromMinutes(15), TimeProvider.System, SwiftServer.Credentials);
        var signed = await blobs.GetUrlAsync("jobs/a/0.png", Stop);
        Assert.StartsWith("https://pictures.example.org/pictures/jobs/a/0.png?", signed!.AbsoluteUri, StringComparison.Ordinal);
        Assert.Matches("X-Amz-Expires=(900|899)&", signed.Query);
    }
}

/// <summary>What holds for the signed URLs of every store.</summary>
internal static class SignedUrls
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    public static async Task CheckAsync(Func<TimeSpan?, IBlobStore> open)
    {
        using var http = new HttpClient();
        var stop = TestContext.Current.CancellationToken;
        var (name, content) = ($"jobs/{Guid.NewGuid():n}/0.png", new byte[] { 1, 2, 3 });
        await open(null).PutAsync(name, content, "image/png", stop);
        Assert.Null(await open(null).GetUrlAsync(name, stop));
        var url = (await open(TimeSpan.FromMinutes(15)).GetUrlAsync(name, stop))!;
        Assert.Equal(content, await http.GetByteArrayAsync(url, stop));
        var other = new Uri(url.AbsoluteUri.Replace("/0.png", "/1.png", StringComparison.Ordinal));
        Assert.Equal(HttpStatusCode.Forbidden, (await http.GetAsync(other, stop)).StatusCode);

        var brief = (await open(TimeSpan.FromSeconds(1)).GetUrlAsync(name, stop))!;
        var begun = Stopwatch.StartNew();
        while ((await http.GetAsync(brief, stop)).StatusCode != HttpStatusCode.Forbidden)
        {
            Assert.True(begun.Elapsed < Patience, "A URL that was signed for a second does not expire.");
            await Task.Delay(200, stop);
        }
    }
}
