using System.Runtime.InteropServices;

namespace ImageService.Worker;

/// <summary>Lets a thread stand back behind those that want the same processor: .NET's own priorities do nothing on Linux, where each thread has its niceness.</summary>
internal static partial class ThreadNiceness
{
    private const int Process = 0; // PRIO_PROCESS, which with 0 as the process means the calling thread
    private const int Niceness = 5; // of two threads on one core this one gets a quarter of the time

    /// <summary>The calling thread; it cannot be undone.</summary>
    public static void Lower()
    {
        if (OperatingSystem.IsLinux())
            _ = SetPriority(Process, 0, Niceness);
        else
            Thread.CurrentThread.Priority = ThreadPriority.BelowNormal;
    }

    [LibraryImport("libc", EntryPoint = "setpriority")]
    private static partial int SetPriority(int which, uint who, int niceness);
}
