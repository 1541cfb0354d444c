namespace ImageService.EndToEnd.Tests;

public sealed class CommandLineTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(90);

    [Fact]
    public async Task Generate_draws_a_picture_and_exits()
    {
        using var folder = new TemporaryFolder();
        var output = Path.Combine(folder.Path, "new", "cat.png");
        var (exitCode, printed) = await ServiceProcess.RunAsync(
            ["generate", "a cat", "-o", output, "--steps", "3", "--seed", "5", $"--Models:Path={TinyService.CopyModels(folder.Path)}"], Limit);
        Assert.True(exitCode == 0, printed);
        Assert.Equal([0x89, 0x50, 0x4e, 0x47], (await File.ReadAllBytesAsync(output))[..4]);
        Assert.Contains("seed 5", printed);
    }

    [Theory]
    [InlineData("--steps", "0", "num_inference_steps")]
    [InlineData("--scheduler", "nonsense", "scheduler")]
    [InlineData("--stepz", "3", "--stepz")]
    [InlineData("--seed", "x", "--seed")]
    public async Task A_wrong_option_ends_with_a_sentence_that_names_it(string option, string value, string named)
    {
        using var folder = new TemporaryFolder();
        var (exitCode, printed) = await ServiceProcess.RunAsync(
            ["generate", "a cat", "-o", Path.Combine(folder.Path, "cat.png"), option, value, $"--Models:Path={TinyService.CopyModels(folder.Path)}"], Limit);
        Assert.NotEqual(0, exitCode);
        Assert.Contains(named, printed);
        Assert.DoesNotContain("   at ", printed); // no stack trace
        Assert.False(File.Exists(Path.Combine(folder.Path, "cat.png")));
    }

    [Fact]
    public async Task Ctrl_C_cancels_and_leaves_nothing_behind()
    {
        using var folder = new TemporaryFolder();
        var output = Path.Combine(folder.Path, "cat.png");
        var drawing = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var process = ServiceProcess.Launch(
            ["generate", "a cat", "-o", output, "--steps", "1000", "-W", "512", "-H", "512", $"--Models:Path={TinyService.CopyModels(folder.Path)}"],
            line =>
            {
                if (line.Contains("Step", StringComparison.Ordinal))
                    drawing.TrySetResult();
            });
        await drawing.Task.WaitAsync(Limit);
        Assert.Equal(130, await process.SignalAsync("INT", Limit));
        Assert.False(File.Exists(output));
        Assert.DoesNotContain("   at ", process.Output);
    }
}
