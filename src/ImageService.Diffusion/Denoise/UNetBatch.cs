namespace ImageService.Diffusion.Denoise;

/// <summary>
/// The U-Net's inputs and output for up to <see cref="Capacity"/> rows of one <see cref="BatchKey"/>. The arrays are pinned and live as long as
/// the batch, so that a device layer can wrap them once and never copies or allocates per step.
/// </summary>
public sealed class UNetBatch
{
    public UNetBatch(BatchKey key, ModelInfo info, int capacity)
    {
        ArgumentNullException.ThrowIfNull(info);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(capacity);
        Key = key;
        Capacity = capacity;
        SampleRow = info.UNetChannels * key.Height * key.Width;
        OutputRow = info.LatentChannels * key.Height * key.Width;
        ContextRow = key.ContextLength * info.ContextSize;
        Sample = Pinned(capacity * SampleRow);
        Timestep = Pinned(capacity);
        Context = Pinned(capacity * ContextRow);
        Pooled = Pinned(capacity * info.PooledSize);
        TimeIds = Pinned(info.PooledSize > 0 ? capacity * TimeIdsRow : 0);
        GuidanceEmbedding = Pinned(capacity * info.GuidanceEmbeddingSize);
        Output = Pinned(capacity * OutputRow);
    }

    /// <summary>Floats of SDXL's time ids: original height and width, crop top and left, target height and width.</summary>
    public const int TimeIdsRow = 6;

    public BatchKey Key { get; }
    public int Capacity { get; }

    /// <summary>Rows in use, padding included: 1..Capacity.</summary>
    public int Rows { get; set; }

    /// <summary>Raised whenever <see cref="Context"/>, <see cref="Pooled"/>, <see cref="TimeIds"/> or <see cref="GuidanceEmbedding"/> changes: a device copy with the same version is still good.</summary>
    public long ConditioningVersion { get; set; }

    /// <summary>[Capacity, UNetChannels, Height, Width].</summary>
    public float[] Sample { get; }

    /// <summary>[Capacity].</summary>
    public float[] Timestep { get; }

    /// <summary>[Capacity, ContextLength, ContextSize].</summary>
    public float[] Context { get; }

    /// <summary>[Capacity, PooledSize]; empty if the U-Net takes none.</summary>
    public float[] Pooled { get; }

    /// <summary>[Capacity, 6]; empty if the U-Net takes none.</summary>
    public float[] TimeIds { get; }

    /// <summary>[Capacity, GuidanceEmbeddingSize]; empty if the U-Net takes none.</summary>
    public float[] GuidanceEmbedding { get; }

    /// <summary>[Capacity, LatentChannels, Height, Width]: the U-Net's prediction (noise or velocity).</summary>
    public float[] Output { get; }

    public int SampleRow { get; }
    public int OutputRow { get; }
    public int ContextRow { get; }

    private static float[] Pinned(int length) => length == 0 ? [] : GC.AllocateArray<float>(length, pinned: true);
}
