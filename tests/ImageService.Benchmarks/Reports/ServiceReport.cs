using ImageService.Diffusion.Denoise;

namespace ImageService.Benchmarks.Reports;

/// <param name="Saturation">At the model's own size, then at the small one that the rest is measured with: the smaller the picture, the more the service's own work shows.</param>
/// <param name="Policies">The same arrivals under each way of batching.</param>
internal sealed record ServiceReport(string Model, int MaxRows, IReadOnlyList<SaturationRow> Saturation, AdmissionRow Admission, IReadOnlyList<ServiceRow> Policies);

/// <summary>Service and bare loop took turns on the machine, slice by slice.</summary>
/// <param name="Side">Pixels of a picture's side.</param>
/// <param name="ServiceRowsPerSecond">U-Net rows a second of the service under more callers than it has rows for.</param>
/// <param name="BareRowsPerSecond">The same of a loop that does nothing but run the sessions, with full rows.</param>
/// <param name="MeanRows">Rows of the service's calls.</param>
/// <param name="ImagesPerSecond">Of the service.</param>
/// <param name="Slices">Of each of the two.</param>
internal sealed record SaturationRow(int Side, double ServiceRowsPerSecond, double BareRowsPerSecond, double MeanRows, double ImagesPerSecond, int Slices, double SliceSeconds)
{
    public double Ratio => ServiceRowsPerSecond / BareRowsPerSecond;
}

/// <param name="Side">Pixels of a picture's side.</param>
/// <param name="Seconds">From acceptance to the beginning of the first step, over jobs that found their rows free.</param>
/// <param name="StepSeconds">One step as those jobs met it, mean.</param>
/// <param name="BeyondStep">The same less one step of the job's own, what stands between two steps included.</param>
internal sealed record AdmissionRow(int Side, double Load, int Jobs, Latencies Seconds, double StepSeconds, Latencies BeyondStep);

/// <param name="Side">Pixels of a picture's side.</param>
/// <param name="Load">Arrivals as a share of the measured saturation.</param>
internal sealed record ServiceRow(Batching Policy, int Side, double Load, double ArrivalsPerSecond, int Jobs, double ImagesPerSecond, Latencies Latency);
