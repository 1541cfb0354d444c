using Microsoft.Extensions.Logging;
using Microsoft.ML.OnnxRuntime;

namespace ImageService.Onnx.Runtime;

/// <summary>
/// ONNX Runtime as this process uses it: one thread pool and one memory arena for all sessions, on the device that the configuration names. The
/// runtime's environment is one for the process, so the threads of the first instance are everybody's.
/// </summary>
internal sealed class OrtRuntime
{
    private static readonly Lock Starting = new();
    private static bool s_sharesThreads;

    private readonly Cuda? _cuda;

    private OrtRuntime(Cuda? cuda) => _cuda = cuda;

    /// <summary>A binding copies its inputs to the device when they are bound, not when the session runs.</summary>
    public bool CopiesInputsWhenBound => _cuda is not null;

    public string Version { get; } = OrtEnv.Instance().GetVersionString();

    /// <exception cref="ExecutionUnavailableException">Provider cuda, and there is no GPU that works.</exception>
    public static OrtRuntime Start(ExecutionOptions options, ILogger logger)
    {
        var env = Environment(options);
        var cuda = options.Provider switch
        {
            "cpu" => null,
            "cuda" => Cuda.Open(env, options),
            _ => OpenIfUsable(env, options, logger),
        };
        Log.RuntimeStarted(logger, env.GetVersionString(), cuda is null ? "the CPU" : "CUDA");
        return new OrtRuntime(cuda);
    }

    /// <exception cref="ModelFolderException">The file is not a model that this runtime can run.</exception>
    public InferenceSession Open(string modelPath)
    {
        using var options = new SessionOptions { EnableMemoryPattern = true };
        if (s_sharesThreads)
        {
            options.DisablePerSessionThreads();
            options.AddSessionConfigEntry("session.use_env_allocators", "1");
        }
        _cuda?.Append(options);
        try
        {
            return new InferenceSession(modelPath, options);
        }
        catch (OnnxRuntimeException e)
        {
            throw new ModelFolderException($"{modelPath} cannot be loaded by ONNX Runtime: {e.Message.Split('\n')[0].Trim()}", e);
        }
    }

    /// <summary>For runs after which the arena gives back what nothing uses. Without, it only ever grows: 3 GB after a few sizes of picture.</summary>
    public static RunOptions ReleasingRun()
    {
        var options = new RunOptions();
        options.AddRunConfigEntry("memory.enable_memory_arena_shrinkage", "cpu:0");
        return options;
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
            return Cuda.Open(env, options);
        }
        catch (ExecutionUnavailableException e)
        {
            // A build without a GPU provider is the ordinary case; where somebody meant to use a GPU, it is news.
            var meant = options.CudaLibrary is not null || env.GetAvailableProviders().Length > 1;
            Log.GpuUnusable(logger, meant ? LogLevel.Warning : LogLevel.Information, e.Message);
            return null;
        }
    }
}
