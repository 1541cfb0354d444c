using Microsoft.ML.OnnxRuntime;

namespace ImageService.Onnx.Runtime;

/// <summary>Finds out whether the CUDA provider works, and appends it to sessions.</summary>
internal sealed class Cuda
{
    private const string ProviderName = "CUDAExecutionProvider";
    private const string RegistrationName = "cuda";

    // A model of one Relu: the provider's libraries and the device are only really needed when a session is made.
    private static readonly byte[] TrialModel = Convert.FromBase64String("CAg6MwoMCgF4EgF5IgRSZWx1EgFnWg8KAXgSCgoICAESBAoCCAFiDwoBeRIKCggIARIECgIIAUIECgAQDQ==");

    private static readonly Lock RegistrationLock = new();
    private static string? s_registered;

    private readonly int _device;
    private readonly OrtEpDevice? _plugin;

    private Cuda(int device, OrtEpDevice? plugin)
    {
        _device = device;
        _plugin = plugin;
    }

    /// <exception cref="ExecutionUnavailableException">There is no GPU that works.</exception>
    public static Cuda Open(OrtEnv env, ExecutionOptions options)
    {
        var cuda = new Cuda(options.CudaDevice, options.CudaLibrary is null ? null : Plugin(env, options.CudaLibrary, options.CudaDevice));
        if (cuda._plugin is null && !env.GetAvailableProviders().Contains(ProviderName))
            throw new ExecutionUnavailableException("Execution:Provider cuda needs a build with the GPU package of ONNX Runtime (-p:OrtFlavor=Gpu) or Execution:CudaLibrary.");
        try
        {
            using var session = new SessionOptions();
            cuda.Append(session);
            using var trial = new InferenceSession(TrialModel, session);
        }
        catch (Exception e) when (e is OnnxRuntimeException or EntryPointNotFoundException)
        {
            throw new ExecutionUnavailableException($"Execution:Provider cuda finds no GPU that works: {FirstLine(e.Message)}", e);
        }
        return cuda;
    }

    public void Append(SessionOptions options)
    {
        if (_plugin is null)
            options.AppendExecutionProvider_CUDA(_device);
        else
            options.AppendExecutionProvider(OrtEnv.Instance(), [_plugin], new Dictionary<string, string> { ["prefer_nhwc"] = "1" });
    }

    private static OrtEpDevice Plugin(OrtEnv env, string library, int device)
    {
        var path = Path.GetFullPath(library);
        if (!File.Exists(path))
            throw new ExecutionUnavailableException($"Execution:CudaLibrary {path} is missing.");
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
            throw new ExecutionUnavailableException($"Execution:CudaLibrary {path} cannot be loaded: {FirstLine(e.Message)}", e);
        }
        var devices = env.GetEpDevices().Where(d => d.EpName == ProviderName).ToList();
        return device < devices.Count ? devices[device]
            : throw new ExecutionUnavailableException($"Execution:CudaLibrary {path} finds {devices.Count} GPUs, too few for Execution:CudaDevice {device}.");
    }

    private static string FirstLine(string text) => text.Split('\n')[0].Trim();
}
