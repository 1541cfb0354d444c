namespace ImageService.EndToEnd.Tests;

/// <summary>Where things lie in the checkout that the tests were built from.</summary>
internal static class Repository
{
    public static string Root { get; } = FindRoot();

    /// <summary>The service as built beside these tests.</summary>
    public static string Standalone { get; } =
        Path.Combine(Root, "src", "ImageService.Standalone", "bin", Configuration, "net10.0", "ImageService.Standalone.dll");

    /// <summary>Another executable of the product, built with it.</summary>
    public static string Program(string name) => Standalone.Replace("Standalone", name, StringComparison.Ordinal);

    private static string Configuration => new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;

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

/// <summary>A folder that goes away with the test.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("imageservice-").FullName;

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
