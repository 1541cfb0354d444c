namespace ImageService.Diffusion.Denoise;

/// <summary>U-Net input like real ones, for calls whose output nobody wants.</summary>
internal static class ProbeBatch
{
    private const float AnyTimestep = 500;

    public static UNetBatch Of(IDiffusionModel model, BatchKey shape, int rows)
    {
        var batch = new UNetBatch(shape, model.Info, rows) { Rows = rows };
        foreach (var input in new[] { batch.Sample, batch.Context, batch.Pooled, batch.GuidanceEmbedding })
            FillAlike(input);
        Array.Fill(batch.Timestep, AnyTimestep);
        Array.Fill(batch.TimeIds, shape.Height * model.Info.VaeScale);
        return batch;
    }

    /// <summary>Numbers of the size of real ones: some kernels are slower or faster on zeros and denormals.</summary>
    public static void FillAlike(float[] values)
    {
        for (var i = 0; i < values.Length; i++)
            values[i] = MathF.Sin(i);
    }
}
