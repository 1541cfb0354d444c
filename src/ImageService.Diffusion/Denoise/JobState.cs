using System.Buffers.Binary;
using System.IO.Hashing;
using System.Runtime.InteropServices;

namespace ImageService.Diffusion.Denoise;

/// <summary>
/// A job's pictures at a step boundary as bytes, for another worker to go on from there with the identical result: for each picture the step, the latents,
/// the scheduler's history and the noise generator. Prompts are not in it: encoding them again gives the same.
/// </summary>
internal static class JobState
{
    private const uint Magic = 0x31534A49; // "IJS1", read as little endian; a change of the format changes the digit

    public static byte[] Save(IReadOnlyList<DenoiseTask> tasks, ModelInfo model)
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        writer.Write(Magic);
        writer.Write(model.Description.Hash);
        writer.Write(tasks.Count);
        foreach (var task in tasks)
            Write(writer, task);
        writer.Flush();
        writer.Write(XxHash3.HashToUInt64(stream.GetBuffer().AsSpan(0, (int)stream.Length)));
        return stream.ToArray();
    }

    /// <summary>Puts fresh tasks of the same request where the saved ones were.</summary>
    /// <returns>False if the bytes are of another version, model or request, or damaged: the tasks are of no use then.</returns>
    public static bool TryRestore(IReadOnlyList<DenoiseTask> tasks, ModelInfo model, ReadOnlyMemory<byte> state)
    {
        if (state.Length < sizeof(ulong))
            return false;
        var content = state[..^sizeof(ulong)].ToArray();
        if (XxHash3.HashToUInt64(content) != BinaryPrimitives.ReadUInt64LittleEndian(state.Span[^sizeof(ulong)..]))
            return false;
        try
        {
            using var reader = new BinaryReader(new MemoryStream(content));
            if (reader.ReadUInt32() != Magic || reader.ReadString() != model.Description.Hash || reader.ReadInt32() != tasks.Count)
                return false;
            foreach (var task in tasks)
            {
                if (!TryRead(reader, task))
                    return false;
            }
            return reader.BaseStream.Position == content.Length;
        }
        catch (Exception e) when (e is IOException or FormatException or ArgumentException or IndexOutOfRangeException or OverflowException or InvalidDataException)
        {
            return false;
        }
    }

    private static void Write(BinaryWriter writer, DenoiseTask task)
    {
        writer.Write(task.Step);
        writer.Write(task.RowSteps);
        writer.Write(task.MostRows);
        writer.Write(task.Latents.Length);
        writer.Write(MemoryMarshal.AsBytes<float>(task.Latents));
        task.Scheduler.SaveState(writer);
        task.Noise.SaveState(writer);
    }

    private static bool TryRead(BinaryReader reader, DenoiseTask task)
    {
        task.Step = reader.ReadInt32();
        task.RowSteps = reader.ReadInt64();
        task.MostRows = reader.ReadInt32();
        if (task.Step < task.FirstStep || task.Step > task.Scheduler.StepCount || reader.ReadInt32() != task.Latents.Length)
            return false;
        reader.BaseStream.ReadExactly(MemoryMarshal.AsBytes(task.Latents.AsSpan()));
        task.Scheduler.RestoreState(reader);
        task.Noise.RestoreState(reader);
        return true;
    }
}
