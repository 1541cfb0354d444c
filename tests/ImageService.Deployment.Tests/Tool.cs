using System.Diagnostics;

namespace ImageService.Deployment.Tests;

/// <summary>A program that <c>install-tools</c> installs. Where it is missing the test is skipped, in CI it fails.</summary>
internal sealed class Tool(string name, string? path)
{
    public static string Folder { get; } = Environment.GetEnvironmentVariable("IMAGESERVICE_TOOLS")
        ?? Path.Combine(Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } cache
            ? cache
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache"), "imageservice-tools");

    public static Tool Helm { get; } = new("helm", Existing(Path.Combine(Folder, "helm", "helm")) ?? OnPath("helm"));
    public static Tool Node { get; } = new("node with kubernetes-models",
        File.Exists(Path.Combine(Folder, "installed.json")) ? OnPath("node") : null);
    public static Tool Promtool { get; } = new("promtool", OnPath("promtool"));
    public static Tool Shellcheck { get; } = new("shellcheck", OnPath("shellcheck"));
    public static Tool Bash { get; } = new("bash", OnPath("bash"));

    /// <summary>Runs to the end, a minute at most.</summary>
    public async Task<ToolResult> RunAsync(params IEnumerable<string> arguments)
    {
        if (path is null)
            Require.Missing($"{name} is not installed; tests/ImageService.Deployment.Tests/install-tools installs it.");

        var start = new ProcessStartInfo(path!)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Repository.Root,
        };
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);

        using var process = Process.Start(start) ?? throw new InvalidOperationException($"{path} did not start.");
        var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromMinutes(1));
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }

        return new ToolResult(process.ExitCode, await output, await error);
    }

    /// <summary>Runs and fails the test with what the program said unless it ends with 0.</summary>
    public async Task<string> SucceedAsync(params IEnumerable<string> arguments)
    {
        var result = await RunAsync(arguments);
        Assert.True(result.ExitCode == 0, $"{name} ended with {result.ExitCode}:\n{result.Error}\n{result.Output}");
        return result.Output;
    }

    private static string? Existing(string file) => File.Exists(file) ? file : null;

    private static string? OnPath(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
            .Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists);
}

internal sealed record ToolResult(int ExitCode, string Output, string Error);
