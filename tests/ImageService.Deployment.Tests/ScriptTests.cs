namespace ImageService.Deployment.Tests;

public sealed class ScriptTests
{
    private static readonly string[] Elsewhere = [".git", "bin", "obj", "node_modules", "artifacts", "data", "out"];

    [Fact]
    public async Task Shellcheck_finds_nothing_in_any_script()
    {
        var scripts = Scripts(new DirectoryInfo(Repository.Root)).Order().ToList();
        Assert.Contains(Repository.PathOf("tests/run"), scripts);
        Assert.Contains(Repository.PathOf("deploy/container/healthcheck"), scripts);
        await Tool.Shellcheck.SucceedAsync(["--severity=style", .. scripts]);
    }

    private static IEnumerable<string> Scripts(DirectoryInfo folder) =>
        folder.EnumerateFiles().Where(IsScript).Select(file => file.FullName)
            .Concat(folder.EnumerateDirectories().Where(each => !Elsewhere.Contains(each.Name) && each.LinkTarget is null).SelectMany(Scripts));

    private static bool IsScript(FileInfo file)
    {
        if (file.Extension is not ("" or ".sh" or ".bash") || file.Length is 0 or > 1 << 20)
            return false;
        using var reader = file.OpenText();
        return reader.ReadLine() is { } line && line.StartsWith("#!", StringComparison.Ordinal) && line.EndsWith("sh", StringComparison.Ordinal);
    }
}
