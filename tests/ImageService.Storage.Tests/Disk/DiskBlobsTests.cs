using ImageService.Core;
using ImageService.Storage.Disk;
using Microsoft.Extensions.Time.Testing;

namespace ImageService.Storage.Tests.Disk;

public sealed class DiskBlobsTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly TemporaryFolder outside = new();
    private readonly DiskBlobs blobs;

    public DiskBlobsTests() => blobs = Open();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        folder.Dispose();
        outside.Dispose();
    }

    [Fact]
    public async Task A_blob_is_a_file_of_its_name()
    {
        await blobs.PutAsync("jobs/a/1/0.png", new byte[] { 7 }, "image/png", Stop);
        Assert.Equal(new byte[] { 7 }, await File.ReadAllBytesAsync(Path.Combine(folder.Path, "jobs", "a", "1", "0.png"), Stop));
    }

    [Fact]
    public async Task A_link_to_a_folder_outside_is_not_followed()
    {
        await File.WriteAllTextAsync(Path.Combine(outside.Path, "secret.png"), "secret", Stop);
        Directory.CreateSymbolicLink(Path.Combine(folder.Path, "jobs"), outside.Path);
        Assert.Null(await blobs.OpenReadAsync("jobs/secret.png", Stop));
        await Assert.ThrowsAsync<BlobUnavailableException>(() => blobs.PutAsync("jobs/new.png", new byte[] { 1 }, "image/png", Stop));
        await Assert.ThrowsAsync<BlobUnavailableException>(() => blobs.PutAsync("jobs/new/new.png", new byte[] { 1 }, "image/png", Stop));
        await blobs.DeleteAsync(["jobs/secret.png"], Stop);
        Assert.Equal(["secret.png"], Directory.EnumerateFileSystemEntries(outside.Path).Select(Path.GetFileName));
        await foreach (var entry in blobs.ListAsync("", Stop))
            Assert.Fail($"{entry.Name} was listed.");
    }

    [Fact]
    public async Task A_link_to_a_file_outside_is_not_followed()
    {
        var secret = Path.Combine(outside.Path, "secret.png");
        await File.WriteAllTextAsync(secret, "secret", Stop);
        File.CreateSymbolicLink(Path.Combine(folder.Path, "x.png"), secret);
        Assert.Null(await blobs.OpenReadAsync("x.png", Stop));
        await Assert.ThrowsAsync<BlobUnavailableException>(() => blobs.PutAsync("x.png", "secret"u8.ToArray(), "image/png", Stop));
        await blobs.DeleteAsync(["x.png"], Stop);
        Assert.Equal("secret", await File.ReadAllTextAsync(secret, Stop));
    }

    [Fact]
    public async Task What_a_dead_process_left_half_written_is_removed_after_an_hour_and_never_listed()
    {
        var left = Path.Combine(folder.Path, ".partial", "left");
        await File.WriteAllTextAsync(left, "half", Stop);
        await foreach (var entry in blobs.ListAsync("", Stop))
            Assert.Fail($"{entry.Name} was listed.");
        Open();
        Assert.True(File.Exists(left));
        _ = new DiskBlobs(new BlobsOptions { DiskPath = folder.Path }, new FakeTimeProvider(TimeProvider.System.GetUtcNow().AddHours(2)));
        Assert.False(File.Exists(left));
    }

    [Fact]
    public async Task Nothing_is_left_beside_the_blobs()
    {
        await blobs.PutAsync("a.png", new byte[] { 1 }, "image/png", Stop);
        await Assert.ThrowsAsync<BlobUnavailableException>(() => blobs.PutAsync("a.png", new byte[] { 2 }, "image/png", Stop));
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(folder.Path, ".partial")));
    }

    [Fact]
    public async Task Deleting_the_last_blob_removes_its_folders()
    {
        await blobs.PutAsync("jobs/a/1/0.png", new byte[] { 1 }, "image/png", Stop);
        await blobs.DeleteAsync(["jobs/a/1/0.png"], Stop);
        Assert.False(Directory.Exists(Path.Combine(folder.Path, "jobs")));
        Assert.True(Directory.Exists(folder.Path));
    }

    [Fact]
    public void A_folder_that_cannot_be_made_is_named()
    {
        var file = Path.Combine(folder.Path, "file");
        File.WriteAllText(file, "");
        var e = Assert.Throws<BlobUnavailableException>(() => new DiskBlobs(new BlobsOptions { DiskPath = Path.Combine(file, "x") }, TimeProvider.System));
        Assert.Contains("Blobs:DiskPath", e.Message, StringComparison.Ordinal);
    }

    private DiskBlobs Open() => new(new BlobsOptions { DiskPath = folder.Path }, TimeProvider.System);
}
