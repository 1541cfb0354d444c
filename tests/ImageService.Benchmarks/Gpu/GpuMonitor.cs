using System.Diagnostics;
using System.Globalization;

namespace ImageService.Benchmarks.Gpu;

/// <summary>How busy the first GPU is: the driver's utilization counter, the share of its last sampling period in which a kernel ran.</summary>
internal sealed class GpuMonitor : IDisposable
{
    private readonly Process? _process;
    private readonly List<double> _samples = [];

    public GpuMonitor()
    {
        _process = Start("--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", "--id=0", "--loop-ms=200");
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

    public static string DeviceName()
    {
        using var process = Start("--query-gpu=name,driver_version", "--format=csv,noheader", "--id=0");
        return process?.StandardOutput.ReadToEnd().Trim() ?? "unknown";
    }

    public void Dispose()
    {
        if (_process is { HasExited: false })
            _process.Kill();
        _process?.Dispose();
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
