namespace ImageService.Diffusion.Denoise;

/// <summary>How many rows a U-Net call may have, which row counts the device gets to see, and who may share a call.</summary>
public sealed record RowPolicy
{
    /// <summary>Counts that suit a device which compiles, tunes or captures each shape it meets.</summary>
    public static IReadOnlyList<int> DeviceSizes { get; } = [1, 2, 4, 6, 8, 12, 16, 24, 32];

    /// <summary>Rows of one call for a shape: a constant, or a table measured on the device. A single picture is drawn even if it exceeds this.</summary>
    public required Func<BatchKey, int> Budget { get; init; }

    /// <summary>Rising counts to which calls are padded; empty = none, right where a row costs time but a new shape does not (CPU).</summary>
    public IReadOnlyList<int> Sizes { get; init; } = [];

    /// <summary>The one row count of calls for <see cref="Core.Determinism.Exact"/> pictures; at least 2.</summary>
    public int ExactRows { get; init; } = 2;

    public Batching Batching { get; init; } = Batching.Step;

    internal int Limit(GroupKey group) => group.Exact ? ExactRows : Budget(group.Batch);

    internal int Padded(GroupKey group, int rows)
    {
        if (group.Exact)
            return Math.Max(rows, ExactRows);
        foreach (var size in Sizes)
        {
            if (size >= rows)
                return Math.Max(rows, Math.Min(size, Budget(group.Batch)));
        }
        return rows;
    }
}
