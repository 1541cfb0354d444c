using System.Runtime.InteropServices;
using ImageService.Diffusion;

namespace ImageService.Onnx.Runtime;

/// <summary>
/// Copies between host and device by the CUDA driver itself (CUDA Driver API, "Memory Management"), which allocates nothing; ONNX Runtime's own copies make
/// arrays of handles at each call.
/// </summary>
internal sealed partial class CudaDriver
{
    private const string Library = "cuda";
    private const int ContextOfPointer = 1; // CU_POINTER_ATTRIBUTE_CONTEXT
    private const uint ForAllContexts = 1; // CU_MEMHOSTREGISTER_PORTABLE

    // The same that the CUDA runtime uses for the device.
    private readonly nint _context;

    static CudaDriver() => NativeLibrary.SetDllImportResolver(typeof(CudaDriver).Assembly, static (name, assembly, path) =>
        name == Library ? NativeLibrary.Load(OperatingSystem.IsWindows() ? "nvcuda.dll" : "libcuda.so.1", assembly, path) : 0);

    private CudaDriver(nint context) => _context = context;

    /// <param name="memory">Any address on the device.</param>
    /// <returns>Null = the driver cannot be called.</returns>
    public static CudaDriver? Of(nint memory)
    {
        try
        {
            return PointerGetAttribute(out var context, ContextOfPointer, memory) == 0 && context != 0 ? new CudaDriver(context) : null;
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            return null;
        }
    }

    /// <summary>From host memory that does not move; complete on return.</summary>
    /// <exception cref="DeviceLostException">The device failed, now or in what was asked of it before.</exception>
    public void ToDevice(nint host, nint device, int bytes)
    {
        Check(ContextSetCurrent(_context));
        Check(CopyToDevice(device, host, (nuint)bytes));
        // From memory that is not page-locked it returns when the bytes have been staged, not when they have arrived.
        Check(StreamSynchronize(0));
    }

    /// <summary>To host memory that does not move; complete on return.</summary>
    /// <exception cref="DeviceLostException">The device failed, now or in what was asked of it before.</exception>
    public void ToHost(nint device, nint host, int bytes)
    {
        Check(ContextSetCurrent(_context));
        Check(CopyToHost(host, device, (nuint)bytes));
    }

    /// <returns>False: the driver will not have it, for want of memory that may be locked or because part of it is locked already.</returns>
    public bool LockPages(nint host, nuint bytes) => ContextSetCurrent(_context) == 0 && HostRegister(host, bytes, ForAllContexts) == 0;

    /// <summary>No effect once the device is lost.</summary>
    public void UnlockPages(nint host)
    {
        if (ContextSetCurrent(_context) == 0)
            _ = HostUnregister(host);
    }

    private static void Check(int result)
    {
        if (result != 0)
            throw new DeviceLostException($"CUDA failure {result} in a copy between host and device.");
    }

    [LibraryImport(Library, EntryPoint = "cuPointerGetAttribute")]
    private static partial int PointerGetAttribute(out nint data, int attribute, nint pointer);

    [LibraryImport(Library, EntryPoint = "cuCtxSetCurrent")]
    private static partial int ContextSetCurrent(nint context);

    [LibraryImport(Library, EntryPoint = "cuMemcpyHtoD_v2")]
    private static partial int CopyToDevice(nint device, nint host, nuint bytes);

    [LibraryImport(Library, EntryPoint = "cuMemcpyDtoH_v2")]
    private static partial int CopyToHost(nint host, nint device, nuint bytes);

    [LibraryImport(Library, EntryPoint = "cuMemHostRegister_v2")]
    private static partial int HostRegister(nint host, nuint bytes, uint flags);

    [LibraryImport(Library, EntryPoint = "cuMemHostUnregister")]
    private static partial int HostUnregister(nint host);

    [LibraryImport(Library, EntryPoint = "cuStreamSynchronize")]
    private static partial int StreamSynchronize(nint stream);
}
