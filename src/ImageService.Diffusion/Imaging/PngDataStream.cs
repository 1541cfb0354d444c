using System.Buffers;

namespace ImageService.Diffusion.Imaging;

/// <summary>Cuts compressed picture data into IDAT chunks of at most 64 KiB as it arrives.</summary>
internal sealed class PngDataStream(Stream output) : Stream
{
    private const int ChunkLength = 64 * 1024;

    private byte[] _chunk = ArrayPool<byte>.Shared.Rent(ChunkLength);
    private int _end = PngChunk.HeadLength;

    public override bool CanRead => false;
    public override bool CanSeek => false;
    public override bool CanWrite => true;
    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        while (buffer.Length > 0)
        {
            var room = ChunkLength - PngChunk.TailLength - _end;
            var part = buffer[..Math.Min(room, buffer.Length)];
            part.CopyTo(_chunk.AsSpan(_end));
            _end += part.Length;
            buffer = buffer[part.Length..];
            if (part.Length == room)
                WriteChunk();
        }
    }

    // A half-filled chunk stays until the next bytes or the end: the compressor flushes for its own reasons.
    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing && _chunk.Length > 0)
        {
            if (_end > PngChunk.HeadLength)
                WriteChunk();
            ArrayPool<byte>.Shared.Return(_chunk);
            _chunk = [];
        }
        base.Dispose(disposing);
    }

    private void WriteChunk()
    {
        var chunk = _chunk.AsSpan(0, _end + PngChunk.TailLength);
        PngChunk.Frame(chunk, "IDAT"u8);
        output.Write(chunk);
        _end = PngChunk.HeadLength;
    }
}
