using System.Text;

namespace ImageService.Onnx.Graph;

/// <summary>
/// Walks the fields of protocol buffers in a file and steps over what is not asked for: a model of gigabytes is read in milliseconds. Message classes
/// made from onnx.proto would read every weight into memory.
/// </summary>
internal sealed class ProtoReader(Stream stream)
{
    private int _wireType;

    public long Position => stream.Position;

    public long Length => stream.Length;

    /// <summary>Goes to the next field of the message that ends at <paramref name="end"/>.</summary>
    /// <returns>Its number; 0 at the end.</returns>
    public int NextField(long end)
    {
        if (stream.Position >= end)
            return 0;
        var key = Varint();
        _wireType = (int)(key & 7);
        var field = key >> 3;
        return field is > 0 and < 1 << 29 ? (int)field : throw Broken();
    }

    public long Varint()
    {
        long value = 0;
        for (var shift = 0; shift < 64; shift += 7)
        {
            var part = stream.ReadByte();
            if (part < 0)
                throw Broken();
            value |= (long)(part & 0x7F) << shift;
            if (part < 0x80)
                return value;
        }
        throw Broken();
    }

    /// <summary>Enters a message, a packed list or bytes.</summary>
    /// <returns>The position behind it.</returns>
    public long Enter()
    {
        var length = _wireType == 2 ? Varint() : throw Broken();
        return length >= 0 && length <= stream.Length - stream.Position ? stream.Position + length : throw Broken();
    }

    public string Text()
    {
        var bytes = new byte[checked((int)(Enter() - stream.Position))];
        stream.ReadExactly(bytes);
        return Encoding.UTF8.GetString(bytes);
    }

    /// <summary>A repeated whole number, packed or not.</summary>
    public void Varints(List<long> into)
    {
        if (_wireType == 0)
        {
            into.Add(Varint());
            return;
        }
        for (var end = Enter(); stream.Position < end;)
            into.Add(Varint());
    }

    public void Skip()
    {
        switch (_wireType)
        {
            case 0:
                Varint();
                break;
            case 1:
                SkipTo(stream.Position + 8);
                break;
            case 2:
                SkipTo(Enter());
                break;
            case 5:
                SkipTo(stream.Position + 4);
                break;
            default:
                throw Broken();
        }
    }

    public void SkipTo(long position)
    {
        if (position > stream.Length)
            throw Broken();
        stream.Position = position;
    }

    private InvalidDataException Broken() => new($"byte {stream.Position} cannot be read");
}
