namespace ImageService.Benchmarks.Simulation;

/// <summary>What a device takes for its three kinds of work, in milliseconds.</summary>
/// <param name="Name">Device, model and runtime that were measured.</param>
/// <param name="UNet">One U-Net call by its rows, rising; between two of them the cost is interpolated, outside extrapolated from the nearest two.</param>
/// <param name="EncodePrompt">Text encoder, one prompt; a guided job has two.</param>
/// <param name="DecodePicture">VAE decoder, one picture.</param>
internal sealed record DeviceCosts(string Name, IReadOnlyList<CallCost> UNet, double EncodePrompt, double DecodePicture)
{
    /// <summary>
    /// U-Net: ONNX Runtime 1.29 (CUDA provider, prefer_nhwc), float16, Stable Diffusion 1.5 at 512x512, H100 80GB HBM3, median of each row count.
    /// Text encoder and VAE were not measured there: 4 ms for the two prompts and 19 ms for the picture are NVIDIA's own figures for Stable Diffusion
    /// at 512x512 with TensorRT 8.5 (sgpjbg.com/155314), on a slower GPU, so they count against every way of batching alike.
    /// </summary>
    public static DeviceCosts H100 { get; } = new(
        "H100 80GB HBM3, Stable Diffusion 1.5, 512x512, float16, ONNX Runtime CUDA (NHWC)",
        [new(2, 10.86), new(4, 14.62), new(8, 24.03), new(16, 44.19), new(32, 85.16)],
        EncodePrompt: 2,
        DecodePicture: 19);

    /// <returns>Milliseconds of one U-Net call.</returns>
    public double Call(int rows)
    {
        var upper = 1;
        while (upper < UNet.Count - 1 && UNet[upper].Rows < rows)
            upper++;
        var (low, high) = (UNet[upper - 1], UNet[upper]);
        return low.Milliseconds + ((rows - low.Rows) * (high.Milliseconds - low.Milliseconds) / (high.Rows - low.Rows));
    }
}

internal readonly record struct CallCost(int Rows, double Milliseconds);
