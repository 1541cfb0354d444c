using Microsoft.ML.OnnxRuntime;

namespace ImageService.Onnx;

/// <summary>The process's one ONNX Runtime environment: a thread pool that all sessions share, and the choice of device.</summary>
internal sealed class OnnxRuntimeHost
{
    private const string PluginName = "imageservice.cuda";
    private const string CudaProvider = "CUDAExecutionProvider";
    private static readonly Lock Gate = new();
    private static bool _created;
    private static string? _registered;
    private readonly ExecutionOptions _options;
    private readonly OrtEnv _environment;

    public OnnxRuntimeHost(ExecutionOptions options)
    {
        _options = options;
        lock (Gate)
        {
            _environment = _created ? OrtEnv.Instance() : Create(options);
            _created = true;
            if (options.Provider != "cpu" && options.CudaLibrary.Length > 0 && _registered != options.CudaLibrary)
                Register(options.CudaLibrary);
        }
        UsesCuda = options.Provider switch
        {
            "cpu" => false,
            "cuda" => HasCuda ? true : throw new ModelFolderException(
                "Execution:Provider is cuda, but no CUDA device can be used: build with -p:OrtFlavor=Gpu or name a provider library in "
                + "Execution:CudaLibrary, and have an NVIDIA driver, CUDA and cuDNN where the loader finds them."),
            _ => HasCuda,
        };
    }

    public bool UsesCuda { get; }

    /// <summary>As recorded in every picture.</summary>
    public string Provider => UsesCuda ? "cuda" : "cpu";

    public string Version => _environment.GetVersionString();

    /// <summary>Options for a new session; the caller disposes them.</summary>
    public SessionOptions NewSessionOptions()
    {
        var options = new SessionOptions { GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_ALL };
        options.DisablePerSessionThreads();
        if (!UsesCuda)
            return options;
        var settings = new Dictionary<string, string>
        {
            ["cudnn_conv_algo_search"] = "HEURISTIC",
            ["arena_extend_strategy"] = "kSameAsRequested",
            ["prefer_nhwc"] = "1",
        };
        var devices = CudaDevices();
        if (devices.Count > _options.CudaDevice)
        {
            options.AppendExecutionProvider(_environment, [devices[_options.CudaDevice]], settings);
            return options;
        }
        settings["device_id"] = _options.CudaDevice.ToString();
        using var cuda = new OrtCUDAProviderOptions();
        cuda.UpdateOptions(settings);
        options.AppendExecutionProvider_CUDA(cuda);
        return options;
    }

    // A plugin shows devices; a provider inside the runtime's own package only shows its name.
    private bool HasCuda => CudaDevices().Count > _options.CudaDevice
        || (_options.CudaLibrary.Length == 0 && _environment.GetAvailableProviders().Contains(CudaProvider) && HasDriver);

    private static bool HasDriver => File.Exists("/dev/nvidiactl") || OperatingSystem.IsWindows();

    private List<OrtEpDevice> CudaDevices() => _environment.GetEpDevices().Where(d => d.EpName == CudaProvider).ToList();

    private static OrtEnv Create(ExecutionOptions options)
    {
        using var threading = new OrtThreadingOptions
        {
            // Spinning threads would take the cores from the web server between two steps.
            GlobalSpinControl = false,
            GlobalIntraOpNumThreads = options.Threads,
            GlobalInterOpNumThreads = 1,
        };
        var creation = new EnvironmentCreationOptions
        {
            logId = "imageservice",
            logLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR,
            threadOptions = threading,
        };
        return OrtEnv.CreateInstanceWithOptions(ref creation);
    }

    private void Register(string library)
    {
        try
        {
            _environment.RegisterExecutionProviderLibrary(PluginName, Path.GetFullPath(library));
            _registered = library;
        }
        catch (OnnxRuntimeException e)
        {
            throw new ModelFolderException($"Execution:CudaLibrary '{library}' could not be loaded: {e.Message}", e);
        }
    }
}
