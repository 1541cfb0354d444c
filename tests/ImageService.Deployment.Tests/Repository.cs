namespace ImageService.Deployment.Tests;

/// <summary>The files under test, by their path from the root of the repository.</summary>
internal static class Repository
{
    public static string Root { get; } = FindRoot();

    public static string PathOf(string relative) => Path.Combine(Root, relative);

    public static string Read(string relative) => File.ReadAllText(PathOf(relative));

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "ImageService.sln")))
                return folder.FullName;
        }

        throw new DirectoryNotFoundException("No folder above the tests has ImageService.sln.");
    }
}
