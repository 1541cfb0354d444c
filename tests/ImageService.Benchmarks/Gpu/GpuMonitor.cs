using System.Diagnostics;
using System.Globalization;

namespace ImageService.Benchmarks.Gpu;

/// <summary>How busy a GPU is: the driver's utilization counter, the share of its last sampling period in which a kernel ran.</summary>
internal sealed class GpuMonitor : IDisposable
{
    private readonly Process? _process;
    private readonly List<double> _samples = [];

    /// <param name="device">As <c>Execution:CudaDevice</c> counts.</param>
    public GpuMonitor(int device)
    {
        _process = Start("--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", "--id=" + DriversNumber(device), "--loop-ms=200");
        if (_process is null)
            return;
        _process.OutputDataReceived += (_, line) =>
        {
            if (double.TryParse(line.Data, CultureInfo.InvariantCulture, out var percent))
            {
                lock (_samples)
                    _samples.Add(percent / 100);
            }
        };
        _process.BeginOutputReadLine();
    }

    /// <summary>Null where the counter cannot be read.</summary>
    public double? Idle
    {
        get
        {
            lock (_samples)
                return _samples.Count == 0 ? null : 1 - _samples.Average();
        }
    }

    /// <summary>Forgets what was seen so far.</summary>
    public void Begin()
    {
        lock (_samples)
            _samples.Clear();
    }

    /// <param name="device">As <c>Execution:CudaDevice</c> counts.</param>
    public static string DeviceName(int device)
    {
        using var process = Start("--query-gpu=name,driver_version", "--format=csv,noheader", "--id=" + DriversNumber(device));
        return process?.StandardOutput.ReadToEnd().Trim() ?? "unknown";
    }

    public void Dispose()
    {
        if (_process is { HasExited: false })
            _process.Kill();
        _process?.Dispose();
    }

    // CUDA counts what CUDA_VISIBLE_DEVICES names; the driver's tool counts all.
    private static string DriversNumber(int device)
    {
        var visible = Environment.GetEnvironmentVariable("CUDA_VISIBLE_DEVICES")?.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) ?? [];
        return device < visible.Length ? visible[device] : device.ToString(CultureInfo.InvariantCulture);
    }

    private static Process? Start(params string[] arguments)
    {
        try
        {
            return Process.Start(new ProcessStartInfo("nvidia-smi", arguments) { RedirectStandardOutput = true });
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }
}
