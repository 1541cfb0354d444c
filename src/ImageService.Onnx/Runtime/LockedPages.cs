using System.Runtime.InteropServices;

namespace ImageService.Onnx.Runtime;

/// <summary>A pinned array whose pages the CUDA driver holds in place (CUDA Driver API, <c>cuMemHostRegister</c>).</summary>
internal sealed class LockedPages : IDisposable
{
    private readonly CudaDriver _driver;
    private readonly Array _pinned; // its memory must not go before the driver has let go of it
    private bool _held;

    private LockedPages(CudaDriver driver, Array pinned) => (_driver, _pinned, _held) = (driver, pinned, true);

    // A batch goes when nobody refers to it any more.
    ~LockedPages() => Unlock();

    private static nint Address(Array pinned) => Marshal.UnsafeAddrOfPinnedArrayElement(pinned, 0);

    /// <returns>Null = the driver refuses.</returns>
    public static LockedPages? Of(CudaDriver driver, Array pinned, long bytes) =>
        driver.LockPages(Address(pinned), (nuint)bytes) ? new LockedPages(driver, pinned) : null;

    public void Dispose()
    {
        Unlock();
        GC.SuppressFinalize(this);
    }

    private void Unlock()
    {
        if (_held)
            _driver.UnlockPages(Address(_pinned));
        _held = false;
    }
}
