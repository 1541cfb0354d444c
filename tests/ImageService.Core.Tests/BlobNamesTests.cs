namespace ImageService.Core.Tests;

public sealed class BlobNamesTests
{
    [Fact]
    public void Pictures_of_two_attempts_never_share_a_name()
    {
        var id = JobId.New(TimeProvider.System);
        Assert.Equal($"jobs/{id}/2/0.png", BlobNames.Image(new Lease(id, 2), 0));
        Assert.NotEqual(BlobNames.Image(new Lease(id, 1), 0), BlobNames.Image(new Lease(id, 2), 0));
    }

    [Fact]
    public void Every_blob_of_a_job_begins_with_its_prefix()
    {
        var id = JobId.New(TimeProvider.System);
        Assert.All([BlobNames.Image(new Lease(id, 1), 3), BlobNames.StartImage(id), BlobNames.Mask(id)],
            name => Assert.StartsWith(BlobNames.OfJob(id), name, StringComparison.Ordinal));
    }
}
