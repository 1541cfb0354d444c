namespace ImageService.Storage.Tests;

/// <summary>A new folder, removed at the end.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("imageservice-").FullName;

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
