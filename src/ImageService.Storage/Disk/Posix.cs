using System.Runtime.InteropServices;

namespace ImageService.Storage.Disk;

/// <summary>
/// Two file system calls that .NET has no method for. Windows needs neither: its File.Move refuses an existing target atomically, and its file
/// systems journal their directories.
/// </summary>
internal static partial class Posix
{
    private const int ReadOnly = 0;
    private const int NotFound = 2;
    private const int Exists = 17;

    /// <summary>
    /// Moves a file to a name that must be free; false if it is taken. File.Move looks first and renames then, so that of two writers at the
    /// same moment the second would overwrite the first.
    /// </summary>
    public static bool TryMove(string from, string to)
    {
        if (OperatingSystem.IsWindows() || Link(from, to) != 0)
        {
            var error = OperatingSystem.IsWindows() ? 0 : Marshal.GetLastPInvokeError();
            if (error == Exists)
                return false;
            if (error == NotFound)
                throw new DirectoryNotFoundException($"The folder of '{to}' does not exist.");
            try
            {
                File.Move(from, to, overwrite: false); // also where the file system has no hard links
                return true;
            }
            catch (IOException) when (File.Exists(to))
            {
                return false;
            }
        }
        File.Delete(from);
        return true;
    }

    /// <summary>Makes a new directory entry durable: a file's own fsync does not cover the entry that names it.</summary>
    public static void FlushDirectory(string directory)
    {
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

    [LibraryImport("libc", EntryPoint = "link", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Link(string from, string to);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags, int mode);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Sync(int descriptor);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int descriptor);
}
