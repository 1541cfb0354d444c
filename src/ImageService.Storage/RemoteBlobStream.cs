using ImageService.Core;

namespace ImageService.Storage;

/// <summary>
/// Reads a blob of an object store: from its beginning with the answer that is there already, and after a seek with a request for the rest. So a plain
/// read costs one request, and ranges read no more than they ask for.
/// </summary>
/// <param name="name">For messages.</param>
/// <param name="length">Bytes.</param>
/// <param name="opened">The content from its beginning.</param>
/// <param name="openAt">The content from an offset in bytes on; throws <see cref="BlobUnavailableException"/>.</param>
internal sealed class RemoteBlobStream(string name, long length, Stream opened, Func<long, CancellationToken, Task<Stream>> openAt) : Stream
{
    private Stream? current = opened;
    private long currentAt;
    private long position;

    public override bool CanRead => true;

    public override bool CanSeek => true;

    public override bool CanWrite => false;

    public override long Length => length;

    public override long Position
    {
        get => position;
        set
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            position = value;
        }
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (position >= length || buffer.IsEmpty)
            return 0;
        if (current is null || currentAt != position)
        {
            if (current is not null)
                await current.DisposeAsync();
            current = null;
            current = await openAt(position, cancellationToken);
            currentAt = position;
        }
        int read;
        try
        {
            read = await current.ReadAsync(buffer, cancellationToken);
        }
        catch (Exception e) when (e is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            throw new BlobUnavailableException($"The blob '{name}' broke off at byte {position} of {length}: {e.Message}", e);
        }
        if (read == 0)
            throw new BlobUnavailableException($"The blob '{name}' ended at byte {position} of {length}.");
        position = currentAt += read;
        return read;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("Object stores are read asynchronously.");

    public override long Seek(long offset, SeekOrigin origin) => Position = origin switch
    {
        SeekOrigin.Begin => offset,
        SeekOrigin.Current => position + offset,
        _ => length + offset,
    };

    public override void Flush()
    {
    }

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            current?.Dispose();
        base.Dispose(disposing);
    }
}
