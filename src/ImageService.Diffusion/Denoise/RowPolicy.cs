using System.Collections.Concurrent;

namespace ImageService.Diffusion.Denoise;

/// <summary>How many rows a U-Net call may have, which row counts the device gets to see, and who may share a call.</summary>
public sealed record RowPolicy
{
    /// <summary>Counts that suit a device which compiles, tunes or captures each shape it meets.</summary>
    public static IReadOnlyList<int> DeviceSizes { get; } = [1, 2, 4, 6, 8, 12, 16, 24, 32];

    private readonly ConcurrentDictionary<BatchKey, int> _lowered = new();

    /// <summary>Rows of one call for a shape, as configured or measured; asked at each step. <see cref="RowsFor"/> says what counts.</summary>
    public required Func<BatchKey, int> Budget { get; init; }

    /// <summary>Hears of each <see cref="Lower"/> that changed something, on the thread that called it.</summary>
    public Action<BatchKey, int>? Lowered { get; init; }

    /// <summary>Rising counts to which calls are padded; empty = none, right where a row costs time but a new shape does not (CPU).</summary>
    public IReadOnlyList<int> Sizes { get; init; } = [];

    /// <summary>The one row count of calls for <see cref="Core.Determinism.Exact"/> pictures; at least 2.</summary>
    public int ExactRows { get; init; } = 2;

    public Batching Batching { get; init; } = Batching.Step;

    /// <summary>Rows that a call of this shape may have. A single picture is drawn even if it exceeds them.</summary>
    public int RowsFor(BatchKey shape)
    {
        var rows = Budget(shape);
        return !_lowered.IsEmpty && _lowered.TryGetValue(AnyPrompt(shape), out var most) ? Math.Min(rows, most) : rows;
    }

    /// <summary>
    /// After a call that did not fit into the device's memory: from now on no call of this model and size, whatever the length of its prompts, has more rows
    /// than this. A limit that is lower already stays. Pictures in the batch stay in it and take a step in several calls; nobody joins before enough have left. <see cref="ExactRows"/> is a
    /// promise and stays as it is. Any thread.
    /// </summary>
    /// <param name="rows">At least 1.</param>
    /// <returns>Rows that a call may have now.</returns>
    public int Lower(BatchKey shape, int rows)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(rows, 1);
        var before = RowsFor(shape);
        if (rows >= before)
            return before;
        _lowered.AddOrUpdate(AnyPrompt(shape), rows, (_, now) => Math.Min(now, rows));
        Lowered?.Invoke(shape, rows);
        return RowsFor(shape);
    }

    private static BatchKey AnyPrompt(BatchKey shape) => shape with { ContextLength = 0 };

    internal int Limit(GroupKey group) => group.Exact ? ExactRows : RowsFor(group.Batch);

    /// <returns>The largest of <see cref="Sizes"/> within so many rows; the rows themselves where there is none.</returns>
    internal int SizeWithin(int rows)
    {
        var within = 0;
        foreach (var size in Sizes)
            within = size <= rows ? size : within;
        return within == 0 ? rows : within;
    }

    internal int Padded(GroupKey group, int rows)
    {
        if (group.Exact)
            return Math.Max(rows, ExactRows);
        foreach (var size in Sizes)
        {
            if (size >= rows)
                return Math.Max(rows, Math.Min(size, RowsFor(group.Batch)));
        }
        return rows;
    }
}
