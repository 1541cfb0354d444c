using ImageService.Core;

namespace ImageService.Storage.Tests.Objects;

public sealed class RemoteBlobStreamTests
{
    private readonly byte[] content = [.. Enumerable.Range(0, 100).Select(i => (byte)i)];
    private readonly List<long> asked = [];

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_read_from_the_beginning_asks_for_nothing_more()
    {
        await using var stream = Open();
        using var copy = new MemoryStream();
        await stream.CopyToAsync(copy, Stop);
        Assert.Equal(content, copy.ToArray());
        Assert.Empty(asked);
    }

    [Fact]
    public async Task A_read_after_a_seek_asks_for_the_rest_alone()
    {
        await using var stream = Open();
        stream.Seek(-10, SeekOrigin.End);
        using var copy = new MemoryStream();
        await stream.CopyToAsync(copy, Stop);
        Assert.Equal(content[90..], copy.ToArray());
        Assert.Equal([90L], asked);
    }

    [Fact]
    public async Task Content_that_ends_too_early_is_an_error()
    {
        await using var stream = new RemoteBlobStream("x", 100, new MemoryStream(content[..40]), OpenAtAsync);
        var e = await Assert.ThrowsAsync<BlobUnavailableException>(() => stream.CopyToAsync(Stream.Null, Stop));
        Assert.Contains("byte 40 of 100", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_connection_that_breaks_makes_the_store_unavailable()
    {
        await using var stream = new RemoteBlobStream("x", 100, new BrokenStream(), OpenAtAsync);
        await Assert.ThrowsAsync<BlobUnavailableException>(() => stream.CopyToAsync(Stream.Null, Stop));
    }

    private RemoteBlobStream Open() => new("x", content.Length, new MemoryStream(content), OpenAtAsync);

    private Task<Stream> OpenAtAsync(long offset, CancellationToken cancellationToken)
    {
        asked.Add(offset);
        return Task.FromResult<Stream>(new MemoryStream(content[(int)offset..]));
    }

    private sealed class BrokenStream : MemoryStream
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => throw new IOException("reset by peer");
    }
}
