namespace ImageService.Onnx;

/// <summary>An input as a model file declares it (onnx.proto3: ValueInfoProto).</summary>
/// <param name="Dimensions">0 = open; null = the file declares no shape.</param>
internal sealed record OnnxInput(string Name, IReadOnlyList<long>? Dimensions)
{
    public static OnnxInput Read(ProtoReader input, long end)
    {
        var name = "";
        List<long>? dimensions = null;
        while (input.Position < end)
        {
            switch (input.ReadField())
            {
                case 1:
                    name = input.ReadString();
                    break;
                case 2:
                    dimensions = Message(input, 1, () => Message(input, 2, () => ReadShape(input)));
                    break;
                default:
                    input.Skip();
                    break;
            }
        }
        return new OnnxInput(name, dimensions);
    }

    // TypeProto.tensor_type = 1, its shape = 2, whose dim = 1 has dim_value = 1.
    private static List<long> ReadShape(ProtoReader input)
    {
        var dimensions = new List<long>();
        for (var end = input.ReadEnd(); input.Position < end;)
        {
            if (input.ReadField() != 1)
            {
                input.Skip();
                continue;
            }
            var size = 0L;
            for (var stop = input.ReadEnd(); input.Position < stop;)
            {
                if (input.ReadField() == 1)
                    size = input.ReadVarint();
                else
                    input.Skip();
            }
            dimensions.Add(size);
        }
        return dimensions;
    }

    private static List<long>? Message(ProtoReader input, int field, Func<List<long>?> read)
    {
        List<long>? found = null;
        for (var end = input.ReadEnd(); input.Position < end;)
        {
            if (input.ReadField() == field)
                found = read();
            else
                input.Skip();
        }
        return found;
    }
}
