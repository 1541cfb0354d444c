using System.Diagnostics;

namespace ImageService.Onnx.Tests.Export;

/// <summary>A Python with torch, numpy and onnx, for the export. Where there is none the test is skipped, in CI it fails.</summary>
internal static class Python
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);
    private static readonly Lazy<Task<string?>> Found = new(FindAsync);

    public static string Root { get; } = FindRoot();

    /// <summary>Runs to the end in the repository's root and gives what was said; fails the test if the exit code is not 0.</summary>
    public static async Task<string> RunAsync(params string[] arguments)
    {
        var python = await Found.Value;
        if (python is null)
        {
            const string Reason = "No Python has torch, numpy and onnx: apt-get install python3-torch python3-numpy python3-onnx.";
            if (Environment.GetEnvironmentVariable("CI") is { Length: > 0 })
                Assert.Fail(Reason);
            Assert.Skip(Reason);
        }
        var (code, output) = await StartAsync(python, arguments);
        Assert.True(code == 0, $"{string.Join(' ', arguments)} ended with {code}:\n{output}");
        return output;
    }

    private static async Task<string?> FindAsync()
    {
        foreach (var python in (string[])["python3", "/usr/bin/python3"])
        {
            try
            {
                if ((await StartAsync(python, ["-c", "import torch, numpy, onnx"])).Code == 0)
                    return python;
            }
            catch (System.ComponentModel.Win32Exception)
            {
                // Not there.
            }
        }
        return null;
    }

    private static async Task<(int Code, string Output)> StartAsync(string python, string[] arguments)
    {
        var start = new ProcessStartInfo(python, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = Root };
        start.Environment["PYTHONDONTWRITEBYTECODE"] = "1";
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(Limit);
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
        return (process.ExitCode, await output + await errors);
    }

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "ImageService.sln")))
                return folder.FullName;
        }
        throw new InvalidOperationException("The tests run inside a checkout.");
    }
}
