using System.Runtime.CompilerServices;

namespace ImageService.Diffusion.Tests.Golden;

/// <summary>
/// Where reference data lies: small figures beside this file, large ones in a <c>shared/golden</c> folder that a checkout may lack.
/// </summary>
internal static class GoldenFiles
{
    /// <summary>Text of a file in this folder.</summary>
    public static string Read(string name, [CallerFilePath] string here = "") => File.ReadAllText(Path.Combine(FolderOf(here), name));

    /// <summary>
    /// A path under <c>shared/golden</c>; the calling test is skipped if there is none, and fails if the variable CI is set.
    /// </summary>
    public static string Shared(string relative)
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            foreach (var candidate in new[] { Path.Combine(folder.FullName, "shared", "golden", relative), Path.Combine(folder.FullName, "..", "shared", "golden", relative) })
            {
                if (Path.Exists(candidate))
                    return Path.GetFullPath(candidate);
            }
        }
        var message = $"Reference data {relative} is not there: put it in shared/golden beside the repository.";
        if (Environment.GetEnvironmentVariable("CI") is { Length: > 0 })
            Assert.Fail(message);
        Assert.Skip(message);
        return "";
    }

    private static string FolderOf(string here) => Path.Combine(Path.GetDirectoryName(here)!, "..", "Golden");
}
