namespace ImageService.Diffusion.Schedulers;

/// <summary>The last few model outputs of a multistep method, in buffers that are used in turn.</summary>
internal sealed class OutputHistory(int capacity, int length)
{
    private readonly float[][] _buffers = [.. Enumerable.Range(0, capacity).Select(_ => new float[length])];
    private int _latest = -1;

    /// <summary>Outputs held, up to the capacity.</summary>
    public int Count { get; private set; }

    /// <summary>An output by age: 0 is the latest.</summary>
    public ReadOnlySpan<float> this[int age] => _buffers[(_latest - age + capacity) % capacity];

    /// <summary>Opens the buffer of a new latest output for writing; the oldest is lost when all are in use.</summary>
    public Span<float> Push()
    {
        _latest = (_latest + 1) % capacity;
        Count = Math.Min(Count + 1, capacity);
        return _buffers[_latest];
    }

    public void Save(BinaryWriter writer)
    {
        writer.Write(Count);
        for (var age = Count - 1; age >= 0; age--)
            LatentState.Write(writer, this[age]);
    }

    public void Restore(BinaryReader reader)
    {
        var count = reader.ReadInt32();
        if (count < 0 || count > capacity)
            throw new InvalidDataException($"The saved scheduler holds {count} outputs; this one holds at most {capacity}.");
        (_latest, Count) = (-1, 0);
        for (var i = 0; i < count; i++)
            LatentState.Read(reader, Push());
    }
}
