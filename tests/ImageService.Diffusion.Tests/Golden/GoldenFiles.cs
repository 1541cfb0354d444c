using System.Runtime.CompilerServices;

namespace ImageService.Diffusion.Tests.Golden;

/// <summary>Reference figures that are small enough to lie beside this file.</summary>
internal static class GoldenFiles
{
    /// <summary>Text of a file in this folder.</summary>
    public static string Read(string name, [CallerFilePath] string here = "") => File.ReadAllText(Path.Combine(FolderOf(here), name));

    private static string FolderOf(string here) => Path.Combine(Path.GetDirectoryName(here)!, "..", "Golden");
}
