using System.Text.Json;
using ImageService.Benchmarks.Reports;

namespace ImageService.Benchmarks.Gpu;

/// <param name="Device">As the driver calls it.</param>
internal sealed record GpuReport(RunRecord Run, string Device, IReadOnlyList<ModelCalls> Calls, IReadOnlyList<ServiceUnderLoad> Services,
    SmallMemory? SmallMemory = null, LostDevice? LostDevice = null)
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    public string ToJson() => JsonSerializer.Serialize(this, Json);
}

/// <summary>A model's calls as the engine makes them: latents and timesteps copied to the device, the prediction copied back.</summary>
/// <param name="Graphs">CUDA graphs were wanted.</param>
/// <param name="UNetError">Of the U-Net against PyTorch in float32, length of the difference over length; null = there was no reference.</param>
/// <param name="PictureDecibels">Peak signal to noise ratio of the VAE decoder against PyTorch in float32.</param>
internal sealed record ModelCalls(string Model, int Side, bool Graphs, double LoadSeconds, double? UNetError, double? PictureDecibels, double DecodeMs, double EncodeMs,
    IReadOnlyList<UNetCallTime> UNet);

/// <param name="Ms">Median of a call.</param>
/// <param name="FirstSeconds">The first call of this row count: kernels chosen, memory taken, the graph captured.</param>
/// <param name="AllocatedBytes">On the managed heap, a call.</param>
/// <param name="DecibelsToTwoRows">Peak signal to noise ratio of the first two rows here against a call of these two alone; null where they are identical.</param>
/// <param name="Repeats">The same call gives the same bytes again.</param>
internal sealed record UNetCallTime(int Rows, double Ms, double FirstSeconds, long AllocatedBytes, double? DecibelsToTwoRows, bool Repeats);

/// <summary>The whole service in a process of its own.</summary>
/// <param name="StartSeconds">From start to ready: model loaded, row budget measured, every row count warmed up.</param>
/// <param name="OneClientMs">Median of a picture for a caller who is alone: prompt, steps and decoder, without PNG and store.</param>
/// <param name="OneClientLatencyMs">The same as the caller sees it, PNG, store and HTTP included.</param>
/// <param name="GpuIdle">Share of the time in which no kernel ran, by the driver's utilization counter; null where it cannot be read.</param>
/// <param name="MeanRows">Of the U-Net calls at saturation.</param>
/// <param name="ExactRepeats">A picture with <c>determinism: "exact"</c> has the same bytes drawn alone and under load.</param>
internal sealed record ServiceUnderLoad(string Model, int Side, int Steps, int Clients, double StartSeconds, double OneClientMs, double OneClientLatencyMs, double ImagesPerSecond,
    double Seconds, double MeanRows, double? GpuIdle, bool ExactRepeats, string Log);

/// <summary>Many pictures at once where the device's memory is too small for them.</summary>
/// <param name="ArenaMebibytes">What each session may take.</param>
/// <param name="Rows">What a U-Net call was allowed to have.</param>
/// <param name="Lowered">What the log said of the row budget.</param>
/// <param name="UnderWay">Calls with pictures in them did not fit, and were split; false = the model's warm-up had met the limit before.</param>
internal sealed record SmallMemory(int ArenaMebibytes, int Rows, int Pictures, int Succeeded, IReadOnlyList<string> Lowered, bool UnderWay);

/// <summary>A device that fails under running jobs, and the process after it.</summary>
/// <param name="ExitCode">Of the process that lost it.</param>
/// <param name="Seconds">From the bad kernel to the end of that process.</param>
/// <param name="Same">Jobs whose picture, finished by the next process, has the bytes of an undisturbed one.</param>
/// <param name="MostAttempts">Counted against a job.</param>
internal sealed record LostDevice(int ExitCode, double Seconds, int Jobs, int Succeeded, int Same, int MostAttempts, string Log);
