using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace ImageService.Onnx.Runtime;

/// <summary>Finds out whether the CUDA provider works, appends it to sessions, and holds device memory.</summary>
/// <remarks>
/// Registered as a plugin wherever that is possible: only then can tensors be copied between host and device. The provider's library comes from
/// <c>Execution:CudaLibrary</c>, or stands beside the native runtime where the build took the GPU package.
/// </remarks>
[SuppressMessage("Design", "CA1001", Justification = "It lives as long as the process, as the runtime's environment does.")]
internal sealed class Cuda : IDeviceMemory
{
    private const string ProviderName = "CUDAExecutionProvider";
    private const string RegistrationName = "cuda";
    private const string KernelFile = "libimageservice_kernels.so";

    // A model of one Relu: the provider's libraries and the device are only really needed when a session is made.
    private static readonly byte[] TrialModel = Convert.FromBase64String("CAg6MwoMCgF4EgF5IgRSZWx1EgFnWg8KAXgSCgoICAESBAoCCAFiDwoBeRIKCggIARIECgIIAUIECgAQDQ==");

    private static readonly Lock RegistrationLock = new();
    private static string? s_registered;

    private readonly ExecutionOptions _options;
    private readonly OrtEpDevice? _plugin;
    private readonly string? _kernels;

    // Buffers are taken from this session's arena, not from those of the sessions that use them: there a captured graph goes on writing to memory which the
    // arena holds to be free.
    private readonly InferenceSession _trial;
    private readonly OrtAllocator? _allocator;
    private readonly CudaDriver? _driver;
    private readonly PageLocks? _pages;

    /// <exception cref="OnnxRuntimeException">The GPU does not work.</exception>
    private Cuda(ExecutionOptions options, OrtEpDevice? plugin, ILogger logger)
    {
        _options = options;
        _plugin = plugin;
        _kernels = Kernels(options);
        using var session = new SessionOptions();
        Append(session, captures: false);
        _trial = new InferenceSession(TrialModel, session);
        _allocator = plugin is null ? null : Allocator(plugin, logger);
        if (_allocator is null)
            return;
        using var any = Allocate(TensorElementType.Float, [1]);
        _driver = CudaDriver.Of(CudaCopy.Address(any));
        _pages = _driver is null ? null : new PageLocks(_driver.LockPages, _driver.UnlockPages);
    }

    /// <summary>Null = tensors can only be copied by running a session.</summary>
    public IDeviceMemory? Memory => _allocator is null ? null : this;

    /// <exception cref="ExecutionUnavailableException">There is no GPU that works.</exception>
    public static Cuda Open(OrtEnv env, ExecutionOptions options, ILogger logger)
    {
        var builtIn = env.GetAvailableProviders().Contains(ProviderName);
        if (options.CudaLibrary is null && !builtIn)
            throw new ExecutionUnavailableException("Execution:Provider cuda needs a build with the GPU package of ONNX Runtime (-p:OrtFlavor=Gpu) or Execution:CudaLibrary.");
        var plugin = options.CudaLibrary is { } library ? Plugin(env, "Execution:CudaLibrary", Path.GetFullPath(library), options.CudaDevice) : BesideRuntime(env, options, logger);
        try
        {
            return new Cuda(options, plugin, logger);
        }
        catch (Exception e) when (e is OnnxRuntimeException or EntryPointNotFoundException or DllNotFoundException)
        {
            throw new ExecutionUnavailableException($"Execution:Provider cuda finds no GPU that works: {DeviceErrors.FirstLine(e.Message)}", e);
        }
    }

    /// <param name="captures">The session's calls become CUDA graphs.</param>
    public void Append(SessionOptions session, bool captures)
    {
        var options = ProviderOptions(_options, captures);
        if (_kernels is not null)
            session.RegisterCustomOpLibrary(_kernels);
        if (_plugin is not null)
        {
            session.AppendExecutionProvider(OrtEnv.Instance(), [_plugin], options);
            return;
        }
        options["device_id"] = _options.CudaDevice.ToString(CultureInfo.InvariantCulture);
        using var cuda = new OrtCUDAProviderOptions();
        cuda.UpdateOptions(options);
        session.AppendExecutionProvider_CUDA(cuda);
    }

    public OrtValue Allocate(TensorElementType type, long[] shape) => OrtValue.CreateAllocatedTensorValue(_allocator!, type, shape);

    public IDeviceCopy Copying(IReadOnlyList<OrtValue> from, IReadOnlyList<OrtValue> to) => CudaCopy.Of(_driver, from, to);

    public IDisposable? LockPages(Array pinned, long bytes) => _pages?.Lock(pinned, bytes);

    internal static Dictionary<string, string> ProviderOptions(ExecutionOptions options, bool captures)
    {
        var named = new Dictionary<string, string>
        {
            ["prefer_nhwc"] = options.CudaNhwc ? "1" : "0",
            ["cudnn_conv_algo_search"] = options.CudaConvolutionSearch.ToUpperInvariant(),
            ["use_tf32"] = options.CudaTf32 ? "1" : "0",
            ["arena_extend_strategy"] = options.CudaArenaGrowth == "as_requested" ? "kSameAsRequested" : "kNextPowerOfTwo",
        };
        if (options.CudaArenaMiB > 0)
            named["gpu_mem_limit"] = ((long)options.CudaArenaMiB << 20).ToString(CultureInfo.InvariantCulture);
        if (captures)
            named["enable_cuda_graph"] = "1";
        foreach (var (name, value) in options.CudaOptions)
            named[name] = value;
        return named;
    }

    private static string? Kernels(ExecutionOptions options)
    {
        if (options.KernelLibrary is not { } named)
            return Path.Combine(AppContext.BaseDirectory, KernelFile) is var beside && File.Exists(beside) ? beside : null;
        return File.Exists(named) ? Path.GetFullPath(named) : throw new ExecutionUnavailableException($"Execution:KernelLibrary {named} is missing.");
    }

    private OrtAllocator? Allocator(OrtEpDevice plugin, ILogger logger)
    {
        try
        {
            return new OrtAllocator(_trial, plugin.GetMemoryInfo(OrtDeviceMemoryType.DEFAULT));
        }
        catch (OnnxRuntimeException e)
        {
            Log.NoDeviceMemory(logger, DeviceErrors.FirstLine(e.Message));
            return null;
        }
    }

    private static OrtEpDevice? BesideRuntime(OrtEnv env, ExecutionOptions options, ILogger logger)
    {
        var file = OperatingSystem.IsWindows() ? "onnxruntime_providers_cuda.dll" : "libonnxruntime_providers_cuda.so";
        string[] folders = [AppContext.BaseDirectory, Path.Combine(AppContext.BaseDirectory, "runtimes", RuntimeInformation.RuntimeIdentifier, "native")];
        if (folders.Select(f => Path.Combine(f, file)).FirstOrDefault(File.Exists) is not { } path)
        {
            Log.NoDeviceMemory(logger, $"{file} is not in {AppContext.BaseDirectory}.");
            return null;
        }
        try
        {
            return Plugin(env, "The CUDA provider", path, options.CudaDevice);
        }
        catch (ExecutionUnavailableException e)
        {
            Log.NoDeviceMemory(logger, e.Message);
            return null;
        }
    }

    private static OrtEpDevice Plugin(OrtEnv env, string what, string path, int device)
    {
        if (!File.Exists(path))
            throw new ExecutionUnavailableException($"{what} {path} is missing.");
        try
        {
            lock (RegistrationLock)
            {
                if (s_registered is null)
                    env.RegisterExecutionProviderLibrary(RegistrationName, path);
                s_registered ??= path;
            }
        }
        catch (OnnxRuntimeException e)
        {
            throw new ExecutionUnavailableException($"{what} {path} cannot be loaded: {DeviceErrors.FirstLine(e.Message)}", e);
        }
        var devices = env.GetEpDevices().Where(d => d.EpName == ProviderName).ToList();
        return device < devices.Count ? devices[device]
            : throw new ExecutionUnavailableException($"{what} {path} finds {devices.Count} GPUs, too few for Execution:CudaDevice {device}.");
    }
}
