using System.Security.Cryptography;
using ImageService.Core;

namespace ImageService.Storage.Tests.Contracts;

/// <summary>What holds for every blob store. Names carry a random part: a store may be shared with earlier runs.</summary>
public abstract class BlobStoreContract
{
    private const string Png = "image/png";
    private readonly string folder = $"jobs/{Guid.NewGuid():n}/";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private protected abstract IBlobStore Blobs { get; }

    /// <summary>Whether the server knows conditional writes; without them the token in a name keeps writers apart.</summary>
    private protected virtual bool DecidesRaces => true;

    public static TheoryData<string> BadNames =>
    [
        "", ".", "..", "../x", "jobs/../x", "jobs/..", "/x", "/etc/passwd", "jobs//x", "jobs/", "jobs/./x", "%2e%2e/x", "jobs/%2e%2e/x", "..%2fx", "x\0y", "x\\..\\y",
        "C:\\x", "jobs/.hidden", ".partial/x", "x y", "jobs/é", "jobs/x\n", new string('x', 513),
    ];

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(100_000)]
    [InlineData(5_000_001)]
    public async Task What_was_put_is_read_back(int length)
    {
        var content = RandomNumberGenerator.GetBytes(length);
        await Blobs.PutAsync(folder + "1/0.png", content, Png, Stop);
        Assert.Equal(content, await ReadAsync("1/0.png"));
    }

    [Fact]
    public async Task A_part_may_be_read()
    {
        var content = RandomNumberGenerator.GetBytes(100_000);
        await Blobs.PutAsync(folder + "0.png", content, Png, Stop);
        await using var stream = await Blobs.OpenReadAsync(folder + "0.png", Stop);
        Assert.Equal(content.Length, stream!.Length);
        stream.Seek(60_000, SeekOrigin.Begin);
        var part = new byte[1000];
        await stream.ReadExactlyAsync(part, Stop);
        Assert.Equal(content[60_000..61_000], part);
    }

    [Fact]
    public async Task A_blob_that_does_not_exist_is_null()
    {
        Assert.Null(await Blobs.OpenReadAsync(folder + "none.png", Stop));
        Assert.Null(await Blobs.OpenReadAsync(folder + "none/none.png", Stop));
    }

    [Fact]
    public async Task A_folder_is_no_blob()
    {
        await Blobs.PutAsync(folder + "1/0.png", new byte[] { 1 }, Png, Stop);
        Assert.Null(await Blobs.OpenReadAsync(folder + "1", Stop));
    }

    [Fact]
    public async Task The_same_content_may_be_put_again()
    {
        await Blobs.PutAsync(folder + "0.png", new byte[] { 1, 2, 3 }, Png, Stop);
        await Blobs.PutAsync(folder + "0.png", new byte[] { 1, 2, 3 }, Png, Stop);
        Assert.Equal(new byte[] { 1, 2, 3 }, await ReadAsync("0.png"));
    }

    [Theory]
    [InlineData(new byte[] { 1, 2, 4 })]
    [InlineData(new byte[] { 1, 2 })]
    [InlineData(new byte[] { })]
    public async Task Other_content_for_a_name_is_an_error_and_changes_nothing(byte[] other)
    {
        await Blobs.PutAsync(folder + "0.png", new byte[] { 1, 2, 3 }, Png, Stop);
        await Assert.ThrowsAsync<BlobUnavailableException>(() => Blobs.PutAsync(folder + "0.png", other, Png, Stop));
        Assert.Equal(new byte[] { 1, 2, 3 }, await ReadAsync("0.png"));
    }

    [Fact]
    public async Task Racing_writers_of_one_name_have_one_winner()
    {
        Assert.SkipUnless(DecidesRaces, "This server does not know conditional writes.");
        for (var round = 0; round < 10; round++)
        {
            var name = $"race-{round}.png";
            var outcomes = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => Task.Run(() => TryPutAsync(name, (byte)i), Stop)));
            var winner = Assert.Single(outcomes, o => o >= 0);
            Assert.Equal(Enumerable.Repeat((byte)winner, 50_000), await ReadAsync(name));
        }
    }

    [Fact]
    public async Task A_deleted_blob_is_gone_and_may_be_deleted_again()
    {
        await Blobs.PutAsync(folder + "a/0.png", new byte[] { 1 }, Png, Stop);
        await Blobs.PutAsync(folder + "a/1.png", new byte[] { 2 }, Png, Stop);
        await Blobs.DeleteAsync([folder + "a/0.png", folder + "never/was.png"], Stop);
        await Blobs.DeleteAsync([folder + "a/0.png"], Stop);
        Assert.Null(await Blobs.OpenReadAsync(folder + "a/0.png", Stop));
        Assert.Equal(new byte[] { 2 }, await ReadAsync("a/1.png"));
    }

    [Fact]
    public async Task A_name_may_be_written_anew_after_its_folder_was_emptied()
    {
        for (var i = 0; i < 3; i++)
        {
            await Blobs.PutAsync(folder + "a/b/0.png", new byte[] { (byte)i }, Png, Stop);
            await Blobs.DeleteAsync([folder + "a/b/0.png"], Stop);
        }
        Assert.Empty(await NamesAsync(folder));
    }

    [Fact]
    public async Task A_list_has_the_names_that_begin_with_the_prefix()
    {
        foreach (var name in new[] { "10/0.png", "10/1.png", "1/0.png", "2/0.png", "10" + "x/0.png" })
            await Blobs.PutAsync(folder + name, new byte[] { 1 }, Png, Stop);
        Assert.Equal(new[] { folder + "10/0.png", folder + "10/1.png" }, await NamesAsync(folder + "10/"));
        Assert.Equal(4, (await NamesAsync(folder + "1")).Count);
        Assert.Equal(5, (await NamesAsync(folder)).Count);
        Assert.Empty(await NamesAsync(folder + "3/"));
    }

    [Fact]
    public async Task A_list_tells_when_each_blob_was_written()
    {
        await Blobs.PutAsync(folder + "0.png", new byte[] { 1 }, Png, Stop);
        await foreach (var entry in Blobs.ListAsync(folder, Stop))
            Assert.InRange(entry.WrittenAt, TimeProvider.System.GetUtcNow().AddMinutes(-2), TimeProvider.System.GetUtcNow().AddMinutes(2));
    }

    [Theory]
    [MemberData(nameof(BadNames))]
    public async Task A_name_that_could_leave_the_store_is_refused(string name)
    {
        await Assert.ThrowsAsync<ArgumentException>(() => Blobs.PutAsync(name, new byte[] { 1 }, Png, Stop));
        await Assert.ThrowsAsync<ArgumentException>(() => Blobs.OpenReadAsync(name, Stop));
        await Assert.ThrowsAsync<ArgumentException>(() => Blobs.DeleteAsync([name], Stop));
    }

    [Fact]
    public async Task A_list_cannot_look_outside_the_store() =>
        await Assert.ThrowsAsync<ArgumentException>(() => NamesAsync("jobs/../../"));

    private async Task<int> TryPutAsync(string name, byte value)
    {
        try
        {
            await Blobs.PutAsync(folder + name, Enumerable.Repeat(value, 50_000).ToArray(), Png, Stop);
            return value;
        }
        catch (BlobUnavailableException)
        {
            return -1;
        }
    }

    private protected async Task<byte[]> ReadAsync(string name)
    {
        await using var stream = await Blobs.OpenReadAsync(folder + name, Stop);
        Assert.NotNull(stream);
        using var content = new MemoryStream();
        await stream.CopyToAsync(content, Stop);
        return content.ToArray();
    }

    private async Task<List<string>> NamesAsync(string prefix)
    {
        var names = new List<string>();
        await foreach (var entry in Blobs.ListAsync(prefix, Stop))
            names.Add(entry.Name);
        names.Sort(StringComparer.Ordinal);
        return names;
    }
}
