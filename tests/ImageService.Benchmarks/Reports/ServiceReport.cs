using ImageService.Diffusion.Denoise;

namespace ImageService.Benchmarks.Reports;

/// <param name="Policies">The same arrivals under each way of batching.</param>
internal sealed record ServiceReport(string Model, int MaxRows, SaturationRow Saturation, AdmissionRow Admission, IReadOnlyList<ServiceRow> Policies);

/// <summary>Service and bare loop took turns on the machine, slice by slice.</summary>
/// <param name="ServiceRowsPerSecond">U-Net rows a second of the service under more callers than it has rows for.</param>
/// <param name="BareRowsPerSecond">The same of a loop that does nothing but run the sessions, with full rows.</param>
/// <param name="MeanRows">Rows of the service's calls.</param>
/// <param name="ImagesPerSecond">Of the service.</param>
/// <param name="Slices">Of each of the two.</param>
internal sealed record SaturationRow(double ServiceRowsPerSecond, double BareRowsPerSecond, double MeanRows, double ImagesPerSecond, int Slices, double SliceSeconds)
{
    public double Ratio => ServiceRowsPerSecond / BareRowsPerSecond;
}

/// <param name="Seconds">From acceptance to the beginning of the first step, over jobs that found their rows free.</param>
/// <param name="StepSeconds">One step as those jobs met it, mean.</param>
internal sealed record AdmissionRow(double Load, int Jobs, Latencies Seconds, double StepSeconds);

/// <param name="Load">Arrivals as a share of the measured saturation.</param>
internal sealed record ServiceRow(Batching Policy, double Load, double ArrivalsPerSecond, int Jobs, double ImagesPerSecond, Latencies Latency);
