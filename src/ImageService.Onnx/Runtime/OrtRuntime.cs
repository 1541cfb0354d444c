using Microsoft.Extensions.Logging;
using Microsoft.ML.OnnxRuntime;

namespace ImageService.Onnx.Runtime;

/// <summary>
/// ONNX Runtime as this process uses it: one thread pool and one memory arena for all sessions, on the device that the configuration names. The
/// runtime's environment is one for the process, so the threads of the first instance are everybody's.
/// </summary>
internal sealed class OrtRuntime
{
    private const string NoFallback = "session.disable_cpu_ep_fallback";
    private static readonly Lock Starting = new();
    private static bool s_sharesThreads;

    private readonly ExecutionOptions _options;
    private readonly Cuda? _cuda;

    private OrtRuntime(ExecutionOptions options, Cuda? cuda, ILogger logger)
    {
        _options = options;
        _cuda = cuda;
        Logger = logger;
    }

    public bool OnCpu => _cuda is null;

    /// <summary>Where tensors can stay on the device between calls; null = there is none, or nothing to copy them with.</summary>
    public IDeviceMemory? DeviceMemory => _cuda?.Memory;

    public ILogger Logger { get; }

    /// <summary>For the U-Net's calls, which are captured; all others go through <see cref="Run"/>.</summary>
    public CaptureGate Gate { get; } = new();

    public string Version { get; } = OrtEnv.Instance().GetVersionString();

    /// <exception cref="ExecutionUnavailableException">Provider cuda, and there is no GPU that works.</exception>
    public static OrtRuntime Start(ExecutionOptions options, ILogger logger)
    {
        var env = Environment(options);
        var cuda = options.Provider switch
        {
            "cpu" => null,
            "cuda" => Cuda.Open(env, options, logger),
            _ => OpenIfUsable(env, options, logger),
        };
        Log.RuntimeStarted(logger, env.GetVersionString(), cuda is null ? "the CPU" : "CUDA");
        return new OrtRuntime(options, cuda, logger);
    }

    /// <exception cref="ModelFolderException">The file is not a model that this runtime can run.</exception>
    public InferenceSession Open(string modelPath) => Open(modelPath, captures: false);

    /// <summary>A session whose calls can be captured as graphs, if the configuration wants that and the model can be.</summary>
    /// <exception cref="ModelFolderException">The file is not a model that this runtime can run.</exception>
    public (InferenceSession Session, bool Captures) OpenForCapture(string modelPath)
    {
        if (DeviceMemory is null || !_options.CudaGraphs)
            return (Open(modelPath), false);
        try
        {
            return (Open(modelPath, captures: true), true);
        }
        // Without graphs it opens, so they were the reason; if not, the second failure is the one to tell.
        catch (ModelFolderException e)
        {
            var session = Open(modelPath);
            Log.NotCaptured(Logger, modelPath, e.Message);
            return (session, false);
        }
    }

    /// <summary>A call of text encoder or VAE, at any time and from any thread.</summary>
    public IDisposableReadOnlyCollection<OrtValue> Run(InferenceSession session, RunOptions options, string input, OrtValue value, IReadOnlyCollection<string> outputs)
    {
        using var turn = Gate.Beside();
        return session.Run(options, [input], [value], outputs);
    }

    /// <summary>
    /// For runs after which the CPU's arena gives back what nothing uses. Without, it only ever grows: 3 GB after a few sizes of picture. A GPU's arenas keep
    /// theirs: to ask the driver anew costs more, and captured graphs work in it.
    /// </summary>
    public RunOptions ReleasingRun()
    {
        var options = new RunOptions();
        if (OnCpu)
            options.AddRunConfigEntry("memory.enable_memory_arena_shrinkage", "cpu:0");
        return options;
    }

    private InferenceSession Open(string modelPath, bool captures)
    {
        if (_cuda is null)
            return Create(modelPath, captures, mayFallBack: true);
        try
        {
            return Create(modelPath, captures, mayFallBack: false);
        }
        catch (ModelFolderException e) when (_options.CpuFallback && e.Message.Contains("fallback to CPU", StringComparison.OrdinalIgnoreCase))
        {
            var session = Create(modelPath, captures, mayFallBack: true);
            Log.FallsBack(Logger, modelPath);
            return session;
        }
    }

    private InferenceSession Create(string modelPath, bool captures, bool mayFallBack)
    {
        // The pattern of the first run makes the second one ask for memory anew, which it must not do if it is the one to be captured.
        using var options = new SessionOptions { EnableMemoryPattern = !captures };
        if (s_sharesThreads)
            options.DisablePerSessionThreads();
        // On a GPU each session keeps an arena of its own: a captured graph works in memory that its arena holds to be free.
        if (s_sharesThreads && _cuda is null)
            options.AddSessionConfigEntry("session.use_env_allocators", "1");
        if (!mayFallBack)
            options.AddSessionConfigEntry(NoFallback, "1");
        try
        {
            _cuda?.Append(options, captures);
            using var turn = Gate.Beside();
            return new InferenceSession(modelPath, options);
        }
        catch (OnnxRuntimeException e)
        {
            if (DeviceErrors.Translate(e) is { } known)
                throw known;
            // What the runtime says of a domain that nobody has registered.
            if (e.Message.Contains("imageservice", StringComparison.Ordinal) && e.Message.Contains("not a registered", StringComparison.Ordinal))
                throw new ModelFolderException($"{modelPath} was exported with --kernels imageservice and needs a GPU and Execution:KernelLibrary (built by src/ImageService.Kernels/build).", e);
            throw new ModelFolderException($"{modelPath} cannot be loaded by ONNX Runtime: {DeviceErrors.FirstLine(e.Message)}", e);
        }
    }

    private static OrtEnv Environment(ExecutionOptions options)
    {
        lock (Starting)
        {
            if (OrtEnv.IsCreated)
                return OrtEnv.Instance();
            using var threads = new OrtThreadingOptions
            {
                GlobalIntraOpNumThreads = options.IntraOpThreads,
                GlobalInterOpNumThreads = 1,
                GlobalSpinControl = options.AllowSpinning,
            };
            var creation = new EnvironmentCreationOptions
            {
                logId = "ImageService",
                // What goes wrong is thrown; the warnings below that are about devices nobody asked for.
                logLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR,
                threadOptions = threads,
            };
            var env = OrtEnv.CreateInstanceWithOptions(ref creation);
            // One arena for all sessions, growing by what is asked for: text encoder, U-Net and VAE never run at once, and so use the same memory.
            using var arena = new OrtArenaCfg(0, 1, -1, -1);
            using var cpu = new OrtMemoryInfo(OrtMemoryInfo.allocatorCPU, OrtAllocatorType.ArenaAllocator, 0, OrtMemType.Default);
            env.CreateAndRegisterAllocator(cpu, arena);
            s_sharesThreads = true;
            return env;
        }
    }

    private static Cuda? OpenIfUsable(OrtEnv env, ExecutionOptions options, ILogger logger)
    {
        try
        {
            return Cuda.Open(env, options, logger);
        }
        catch (ExecutionUnavailableException e)
        {
            // A build without a GPU provider is the ordinary case and no news.
            if (options.CudaLibrary is not null || env.GetAvailableProviders().Length > 1)
                Log.GpuUnusable(logger, e.Message);
            return null;
        }
    }
}
