using System.Diagnostics.CodeAnalysis;

namespace ImageService.Onnx.Runtime;

/// <summary>
/// Keeps apart the capture of a CUDA graph and everything else that uses the device: memory that another thread asks the driver for in the middle of a capture
/// breaks the capture and fails the one who asked.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "It lives as long as the process, as the runtime does.")]
internal sealed class CaptureGate
{
    private readonly ReaderWriterLockSlim _lock = new();

    /// <summary>For calls beside others. Leave it by disposing of what is returned.</summary>
    public Turn Beside()
    {
        _lock.EnterReadLock();
        return new Turn(_lock, alone: false);
    }

    /// <summary>For a call that may be captured: waits until nobody else is at work, and keeps them out.</summary>
    public Turn Alone()
    {
        _lock.EnterWriteLock();
        return new Turn(_lock, alone: true);
    }

    public readonly ref struct Turn(ReaderWriterLockSlim gate, bool alone)
    {
        public void Dispose()
        {
            if (alone)
                gate.ExitWriteLock();
            else
                gate.ExitReadLock();
        }
    }
}
