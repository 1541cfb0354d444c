namespace ImageService.Diffusion.Denoise;

/// <summary>Who may share U-Net calls. <see cref="Step"/> is the product; the others are what it is compared with, on the same engine.</summary>
public enum Batching
{
    /// <summary>Continuous: pictures join and leave at every step boundary.</summary>
    Step,

    /// <summary>One job at a time.</summary>
    Serial,

    /// <summary>Static batches of pictures with equal scheduler, steps and guidance: one batch at a time, which nobody joins after its first step.</summary>
    Equal,

    /// <summary>Static batches of any pictures of one shape: all rows are computed until the longest picture is done, and all are delivered then.</summary>
    Padded,
}
