using System.Runtime.CompilerServices;
using ImageService.Core;

namespace ImageService.Storage.Disk;

/// <summary>
/// Blobs as files below one folder. A blob is written to <c>.partial/</c>, synced and moved to its place, so that a name either has all of its
/// content or does not exist, whenever the power goes.
/// </summary>
internal sealed class DiskBlobs : IBlobStore
{
    private const string PartialFolder = ".partial";
    private static readonly TimeSpan PartialLifetime = TimeSpan.FromHours(1);
    private static readonly EnumerationOptions EveryFile = new()
    {
        RecurseSubdirectories = true,
        AttributesToSkip = FileAttributes.ReparsePoint | FileAttributes.Hidden, // links lead elsewhere; hidden is our own
    };

    private readonly string root;
    private readonly string partial;

    public DiskBlobs(BlobsOptions options, TimeProvider time)
    {
        root = Path.GetFullPath(options.DiskPath);
        partial = Path.Combine(root, PartialFolder);
        try
        {
            Directory.CreateDirectory(partial);
            // What a dead process left half-written. An hour spares the writes of a living one beside us.
            foreach (var file in Directory.EnumerateFiles(partial))
                if (File.GetLastWriteTimeUtc(file) < time.GetUtcNow() - PartialLifetime)
                    File.Delete(file);
        }
        catch (Exception e) when (IsRefusal(e))
        {
            throw new BlobUnavailableException($"Blobs:DiskPath: '{root}' cannot be written: {e.Message}", e);
        }
    }

    public async Task PutAsync(string name, ReadOnlyMemory<byte> content, string contentType, CancellationToken cancellationToken)
    {
        BlobName.Check(name);
        var path = PathOf(name);
        var temporary = Path.Combine(partial, Guid.NewGuid().ToString("n"));
        try
        {
            await using (var file = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1, FileOptions.Asynchronous))
            {
                await file.WriteAsync(content, cancellationToken);
                file.Flush(flushToDisk: true);
            }
            if (!TryMove(temporary, path) && !await HasContentAsync(path, content, cancellationToken))
                throw new BlobUnavailableException($"The blob '{name}' exists already with other content.");
        }
        catch (Exception e) when (IsRefusal(e))
        {
            throw new BlobUnavailableException($"The blob '{name}' cannot be written: {e.Message}", e);
        }
        finally
        {
            DeleteQuietly(temporary);
        }
    }

    public Task<Stream?> OpenReadAsync(string name, CancellationToken cancellationToken)
    {
        BlobName.Check(name);
        try
        {
            var path = PathOf(name);
            return Task.FromResult<Stream?>(IsReached(path)
                ? new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, 1 << 16, FileOptions.Asynchronous)
                : null);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return Task.FromResult<Stream?>(null); // deleted since the look
        }
        catch (Exception e) when (IsRefusal(e))
        {
            throw new BlobUnavailableException($"The blob '{name}' cannot be read: {e.Message}", e);
        }
    }

    public Task DeleteAsync(IReadOnlyCollection<string> names, CancellationToken cancellationToken)
    {
        foreach (var name in names)
            BlobName.Check(name);
        foreach (var name in names)
        {
            cancellationToken.ThrowIfCancellationRequested();
            try
            {
                var path = PathOf(name);
                if (IsReached(path))
                    File.Delete(path);
                RemoveEmptyFolders(Path.GetDirectoryName(path)!);
            }
            catch (DirectoryNotFoundException)
            {
                // never written
            }
            catch (Exception e) when (IsRefusal(e))
            {
                throw new BlobUnavailableException($"The blob '{name}' cannot be deleted: {e.Message}", e);
            }
        }
        return Task.CompletedTask;
    }

    public async IAsyncEnumerable<BlobEntry> ListAsync(string prefix, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (!BlobName.IsValidPrefix(prefix))
            throw new ArgumentException("No blob's name can begin with this prefix.", nameof(prefix));
        var folder = Path.Combine(root, prefix[..(prefix.LastIndexOf('/') + 1)]);
        if (!Directory.Exists(folder))
            yield break;
        foreach (var file in new DirectoryInfo(folder).EnumerateFiles("*", EveryFile))
        {
            cancellationToken.ThrowIfCancellationRequested();
            var name = Path.GetRelativePath(root, file.FullName).Replace(Path.DirectorySeparatorChar, '/');
            if (name.StartsWith(prefix, StringComparison.Ordinal) && BlobName.IsValid(name))
                yield return new BlobEntry(name, new DateTimeOffset(file.LastWriteTimeUtc, TimeSpan.Zero));
        }
        await Task.CompletedTask;
    }

    /// <summary>A folder has no URL: pictures go through the API.</summary>
    public Task<Uri?> GetUrlAsync(string name, CancellationToken cancellationToken) => Task.FromResult<Uri?>(null);

    private string PathOf(string name) => Path.Combine(root, name.Replace('/', Path.DirectorySeparatorChar));

    // False if the name is taken. A sweep may remove an empty folder between making it and moving into it: then it is made again.
    private bool TryMove(string temporary, string path)
    {
        var folder = Path.GetDirectoryName(path)!;
        for (var attempt = 1; ; attempt++)
        {
            if (IsThroughLink(folder))
                throw new IOException("a folder on the way is a link.");
            var made = MakeFolders(folder);
            try
            {
                if (!Posix.TryMove(temporary, path))
                    return false;
            }
            catch (DirectoryNotFoundException) when (attempt < 5)
            {
                continue;
            }
            foreach (var changed in made.Append(folder))
                Posix.FlushDirectory(changed);
            return true;
        }
    }

    // Returns the parents of new folders: their entries have to be made durable as well.
    private List<string> MakeFolders(string folder)
    {
        var parents = new List<string>();
        for (var at = folder; at.Length > root.Length && !Directory.Exists(at); at = Path.GetDirectoryName(at)!)
            parents.Add(Path.GetDirectoryName(at)!);
        Directory.CreateDirectory(folder);
        parents.Reverse();
        return parents;
    }

    private bool IsReached(string path) => File.Exists(path) && new FileInfo(path).LinkTarget is null && !IsThroughLink(Path.GetDirectoryName(path)!);

    private bool IsThroughLink(string folder)
    {
        for (var at = folder; at.Length > root.Length; at = Path.GetDirectoryName(at)!)
            if (new DirectoryInfo(at).LinkTarget is not null)
                return true;
        return false;
    }

    private void RemoveEmptyFolders(string folder)
    {
        try
        {
            for (var at = folder; at.Length > root.Length && !Directory.EnumerateFileSystemEntries(at).Any(); at = Path.GetDirectoryName(at)!)
                Directory.Delete(at);
        }
        catch (IOException)
        {
            // Somebody has just put a blob there, or removed the folder first.
        }
    }

    private static async Task<bool> HasContentAsync(string path, ReadOnlyMemory<byte> content, CancellationToken cancellationToken)
    {
        if (new FileInfo(path) is not { LinkTarget: null } file || file.Length != content.Length)
            return false;
        var existing = await File.ReadAllBytesAsync(path, cancellationToken);
        return content.Span.SequenceEqual(existing);
    }

    private static void DeleteQuietly(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (IsRefusal(e))
        {
            // The next start removes it.
        }
    }

    private static bool IsRefusal(Exception e) => e is IOException or UnauthorizedAccessException;
}
