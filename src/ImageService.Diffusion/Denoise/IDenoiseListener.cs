using ImageService.Core;

namespace ImageService.Diffusion.Denoise;

/// <summary>
/// What the engine tells about a job. Everything is called on the engine's thread, between steps: it must return at once and never throw. The last call is
/// <see cref="Finished"/> or <see cref="Failed"/>; a job that was canceled or saved hears nothing more.
/// </summary>
public interface IDenoiseListener
{
    /// <param name="step">U-Net evaluations done for each picture; with several pictures the mean, rounded down.</param>
    /// <param name="steps">Evaluations in all.</param>
    void Progress(int step, int steps);

    void Preview(PreviewLatents preview);

    /// <summary>A picture has done its last step: its rows are free, the decoder comes next.</summary>
    void Denoised()
    {
    }

    /// <summary>A picture is decoded. Comes once for each, in any order.</summary>
    void Picture(DecodedPicture picture);

    /// <summary>All pictures have come.</summary>
    void Finished(DenoiseSummary summary);

    void Failed(DenoiseFailure failure);
}

/// <summary>The clean image that the U-Net sees in an unfinished one.</summary>
/// <param name="Latents">[LatentChannels, Height, Width], the receiver's own.</param>
public sealed record PreviewLatents(IDiffusionModel Model, int Index, int Step, int Steps, float[] Latents, int Height, int Width);

/// <param name="Model">What drew it, with the hash that is known once a large model is loaded.</param>
/// <param name="Rgb">[Height, Width, 3], the receiver's own.</param>
/// <param name="Rows">The largest row count, padding included, of the U-Net calls it was drawn in.</param>
public sealed record DecodedPicture(ModelDescription Model, int Index, long Seed, int Width, int Height, byte[] Rgb, int Rows);

/// <param name="Admission">Seconds from <see cref="DenoiseEngine.Add"/> to the beginning of the first step; 0 = there was none left to do.</param>
/// <param name="Encode">Seconds in tokenizer, text encoder and image encoder.</param>
/// <param name="Denoise">Seconds from the first to the last step.</param>
/// <param name="Decode">Seconds in the VAE decoder.</param>
/// <param name="RowSteps">U-Net rows computed, padding not counted.</param>
public sealed record DenoiseSummary(ModelDescription Model, IReadOnlyList<string> Warnings, double Admission, double Encode, double Denoise, double Decode, long RowSteps);

/// <param name="Code">As <see cref="JobError.Code"/>.</param>
/// <param name="Retry">Another attempt may go better.</param>
public sealed record DenoiseFailure(string Code, string Message, bool Retry, Exception? Cause = null)
{
    /// <summary>A single picture does not fit into the device's memory.</summary>
    public const string OutOfMemory = "out_of_memory";
}
