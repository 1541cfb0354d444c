using System.Diagnostics;
using System.Net;
using ImageService.EndToEnd.Tests;
using ImageService.Onnx;

namespace ImageService.Benchmarks.Gpu;

/// <summary>The service in a process of its own, with the models and on the device that are measured.</summary>
internal static class ServiceOnDevice
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromMinutes(4);

    /// <summary>Starts it and waits until it is ready: models loaded, row budget measured, every row count warmed up.</summary>
    /// <param name="program">Its executable; null = the one built in this checkout.</param>
    /// <param name="data">Folder of jobs and pictures.</param>
    /// <param name="settings">More configuration, as <c>Section:Key=value</c>.</param>
    public static async Task<ServiceProcess> ReadyAsync(OnnxOptions options, string? program, string data, CancellationToken cancellationToken, params string[] settings)
    {
        var began = Stopwatch.GetTimestamp();
        var process = await ServiceProcess.StartAsync(program ?? Repository.Standalone,
        [
            $"Jobs:SqlitePath={Path.Combine(data, "jobs.db")}", $"Blobs:DiskPath={Path.Combine(data, "blobs")}", $"Models:Path={options.Models.Path}", $"Models:Default={options.Models.Default}",
            $"Execution:Provider={options.Execution.Provider}", $"Execution:CudaGraphs={options.Execution.CudaGraphs}", .. settings,
        ]);
        try
        {
            while ((await process.Client.GetAsync("/healthz/ready", cancellationToken)).StatusCode != HttpStatusCode.OK)
            {
                if (Stopwatch.GetElapsedTime(began) > StartLimit)
                    throw new TimeoutException("The service was not ready in time.\n" + process.Output);
                await Task.Delay(50, cancellationToken);
            }
            return process;
        }
        catch
        {
            await process.DisposeAsync();
            throw;
        }
    }
}
