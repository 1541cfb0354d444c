using System.Collections.Concurrent;
using System.Runtime.InteropServices;

namespace ImageService.Onnx.Runtime;

/// <summary>Pinned arrays whose pages the device's driver holds in place.</summary>
/// <param name="hold">Address and bytes; false = the driver refuses.</param>
/// <param name="letGo">Address.</param>
internal sealed class PageLocks(Func<nint, nuint, bool> hold, Action<nint> letGo)
{
    // Batches go when nobody refers to them any more. The garbage collector's thread must not tell the driver: it could come into the middle of a capture.
    private readonly ConcurrentQueue<Held> _dropped = new();

    /// <summary>To be called by the thread that captures graphs; lets go of what was dropped since.</summary>
    /// <returns>Lets these go, on the thread that disposes of it; null = the driver refuses.</returns>
    public IDisposable? Lock(Array pinned, long bytes)
    {
        while (_dropped.TryDequeue(out var held))
            held.Dispose();
        return bytes > 0 && hold(Address(pinned), (nuint)bytes) ? new Held(this, pinned) : null;
    }

    private void LetGo(Array pinned) => letGo(Address(pinned));

    private static nint Address(Array pinned) => Marshal.UnsafeAddrOfPinnedArrayElement(pinned, 0);

    /// <param name="pinned">Kept until the driver has let go of it.</param>
    private sealed class Held(PageLocks owner, Array pinned) : IDisposable
    {
        private bool _over;

        ~Held()
        {
            if (!_over)
                owner._dropped.Enqueue(this);
        }

        public void Dispose()
        {
            GC.SuppressFinalize(this);
            if (!_over)
                owner.LetGo(pinned);
            _over = true;
        }
    }
}
