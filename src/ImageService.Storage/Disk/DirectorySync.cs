using System.Runtime.InteropServices;

namespace ImageService.Storage.Disk;

/// <summary>
/// Makes a new directory entry durable. A file's own fsync does not cover the entry that names it, and .NET cannot open a directory to sync it.
/// </summary>
internal static partial class DirectorySync
{
    private const int ReadOnly = 0;

    public static void Flush(string directory)
    {
        // Windows' file systems journal their directories, and offer no such call.
        if (OperatingSystem.IsWindows())
            return;
        var descriptor = Open(directory, ReadOnly, 0);
        if (descriptor < 0)
            throw new IOException($"'{directory}' cannot be opened to make it durable (error {Marshal.GetLastPInvokeError()}).");
        try
        {
            // Some network file systems refuse to sync directories (EINVAL); they have no stronger promise to give.
            _ = Sync(descriptor);
        }
        finally
        {
            _ = Close(descriptor);
        }
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags, int mode);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Sync(int descriptor);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int descriptor);
}
