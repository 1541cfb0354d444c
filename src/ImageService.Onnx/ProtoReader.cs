using System.Text;

namespace ImageService.Onnx;

/// <summary>
/// Walks a protobuf file by seeking: the packages at hand read whole messages, and a text encoder's weights may be gigabytes that are of no interest here.
/// </summary>
internal sealed class ProtoReader(Stream stream)
{
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
        throw new InvalidDataException("The file ends within a number.");
    }

    /// <summary>Reads the length of a message, string or array and gives where it ends.</summary>
    public long ReadEnd() => ReadVarint() + stream.Position;

    public byte[] ReadBytes()
    {
        var length = ReadVarint();
        if (length < 0 || length > stream.Length - stream.Position)
            throw new InvalidDataException("The file ends within a value.");
        var bytes = new byte[length];
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
                stream.Seek(8, SeekOrigin.Current);
                break;
            case LengthDelimited:
                stream.Seek(ReadVarint(), SeekOrigin.Current);
                break;
            case Fixed32:
                stream.Seek(4, SeekOrigin.Current);
                break;
            default:
                throw new InvalidDataException($"Wire type {WireType} is not protobuf's.");
        }
    }
}
