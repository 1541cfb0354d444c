using System.Net;
using System.Security.Cryptography;
using Amazon.Runtime;
using ImageService.Core;
using ImageService.Storage.S3;

namespace ImageService.Storage.Tests.Objects;

/// <summary>What is asked of stores that write conditionally, and of stores that fail.</summary>
public sealed class S3RequestTests
{
    private const string Name = "jobs/x/1/0.png";
    private static readonly byte[] Content = [1, 2, 3];
    private static readonly (int, byte[]) Done = (200, []);
    private static readonly (int, byte[]) NotThere = (404, []);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_name_is_written_on_the_condition_that_nobody_has()
    {
        using var stub = new StubS3((request, _) => IsLook(request) ? NotThere : Done);
        using var blobs = Open(stub);
        await PutAsync(blobs);
        Assert.Equal([("HEAD", null), ("PUT", "*")], stub.Requests.Select(r => (r.Method, r.IfNoneMatch)));
    }

    [Fact]
    public async Task A_race_that_was_lost_to_other_bytes_is_an_error()
    {
        using var stub = new StubS3((request, number) => request.HttpMethod == "PUT" ? (412, []) : number == 0 ? NotThere : Done);
        using var blobs = Open(stub);
        var e = await Assert.ThrowsAsync<BlobUnavailableException>(() => PutAsync(blobs));
        Assert.Contains("exists already with other content", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_store_that_refuses_conditions_is_written_to_without_from_then_on()
    {
        using var stub = new StubS3((request, _) => IsLook(request) ? NotThere : request.Headers["If-None-Match"] is null ? Done : (501, []));
        using var blobs = Open(stub);
        await PutAsync(blobs);
        await PutAsync(blobs);
        Assert.Equal(["*", null, null], stub.Requests.Where(r => r.Method == "PUT").Select(r => r.IfNoneMatch));
    }

    [Fact]
    public async Task The_upload_is_signed_over_the_SHA_256_of_its_bytes()
    {
        using var stub = new StubS3((request, _) => IsLook(request) ? NotThere : Done);
        using var blobs = Open(stub);
        await PutAsync(blobs);
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(Content)), Assert.Single(stub.Requests, r => r.Method == "PUT").Sha256);
    }

    [Fact]
    public async Task An_upload_is_tried_again_after_the_stores_own_errors()
    {
        using var stub = new StubS3((request, number) => IsLook(request) ? NotThere : number < 3 ? (503, []) : Done);
        using var blobs = Open(stub);
        await PutAsync(blobs);
        Assert.Equal(3, stub.Requests.Count(r => r.Method == "PUT"));
    }

    [Fact]
    public async Task A_store_that_goes_on_failing_is_unavailable()
    {
        using var stub = new StubS3((_, _) => (500, []));
        using var blobs = Open(stub);
        await Assert.ThrowsAsync<BlobUnavailableException>(() => PutAsync(blobs));
    }

    [Fact]
    public async Task A_caller_who_gives_up_is_not_told_of_the_store()
    {
        using var stub = new StubS3((_, _) => Done);
        using var blobs = Open(stub);
        using var gone = new CancellationTokenSource();
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => blobs.PutAsync(Name, Content, "image/png", gone.Token));
    }

    private static bool IsLook(HttpListenerRequest request) => request.HttpMethod == "HEAD";

    private static S3Blobs Open(StubS3 stub)
    {
        var options = new S3BlobsOptions { Bucket = "bucket", ServiceUrl = stub.Url, ForcePathStyle = true };
        return new S3Blobs(options, null, TimeProvider.System, new BasicAWSCredentials("key", "secret"));
    }

    private static Task PutAsync(S3Blobs blobs) => blobs.PutAsync(Name, Content, "image/png", Stop);
}
