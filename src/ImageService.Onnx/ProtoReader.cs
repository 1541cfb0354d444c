using System.Text;

namespace ImageService.Onnx;

/// <summary>
/// Walks a protobuf file by seeking: the packages at hand read whole messages, and a text encoder's weights may be gigabytes that are of no interest here.
/// </summary>
internal sealed class ProtoReader(Stream stream)
{
    private readonly long _length = stream.Length;
    private const int Varint = 0;
    private const int Fixed64 = 1;
    private const int LengthDelimited = 2;
    private const int Fixed32 = 5;

    public long Position => stream.Position;

    /// <summary>The number of the next field; <see cref="WireType"/> says how it is stored.</summary>
    public int ReadField()
    {
        var tag = ReadVarint();
        WireType = (int)(tag & 7);
        return (int)(tag >> 3);
    }

    public int WireType { get; private set; }

    public bool IsPacked => WireType == LengthDelimited;

    public long ReadVarint()
    {
        long value = 0;
        for (var shift = 0; shift < 64; shift += 7)
        {
            var part = stream.ReadByte();
            if (part < 0)
                break;
            value |= (long)(part & 0x7f) << shift;
            if (part < 0x80)
                return value;
        }
        throw new InvalidDataException("it ends within a number.");
    }

    /// <summary>Reads the length of a message, string or array and gives where it ends.</summary>
    public long ReadEnd()
    {
        var length = ReadVarint();
        return length >= 0 && length <= _length - stream.Position ? stream.Position + length
            : throw new InvalidDataException("it ends within a value.");
    }

    public byte[] ReadBytes()
    {
        var bytes = new byte[ReadEnd() - stream.Position];
        stream.ReadExactly(bytes);
        return bytes;
    }

    public string ReadString() => Encoding.UTF8.GetString(ReadBytes());

    public void Skip()
    {
        switch (WireType)
        {
            case Varint:
                ReadVarint();
                break;
            case Fixed64:
                SeekTo(stream.Position + 8);
                break;
            case LengthDelimited:
                SeekTo(ReadEnd());
                break;
            case Fixed32:
                SeekTo(stream.Position + 4);
                break;
            default:
                throw new InvalidDataException($"wire type {WireType} is not protobuf's.");
        }
    }

    private void SeekTo(long position)
    {
        if (position > _length)
            throw new InvalidDataException("it ends within a value.");
        stream.Position = position;
    }
}
