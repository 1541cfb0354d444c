using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace ImageService.Onnx;

/// <summary>Where models are and what runs them, from the sections <c>Models</c> and <c>Execution</c>.</summary>
public sealed class OnnxOptions
{
    public ModelsOptions Models { get; set; } = new();

    [ValidateObjectMembers]
    public ExecutionOptions Execution { get; set; } = new();
}

/// <summary>Section <c>Models</c>.</summary>
public sealed class ModelsOptions
{
    public const string Section = "Models";

    /// <summary>
    /// Folder of model folders. Default: <c>models</c> beside the program, or in the nearest folder above it, so that a build in the repository finds
    /// the repository's models.
    /// </summary>
    public string? Path { get; set; }

    /// <summary>Id of the model that must be there for the service to start; requests that name none get it. Null = none in particular.</summary>
    public string? Default { get; set; }
}

/// <summary>Section <c>Execution</c>.</summary>
public sealed class ExecutionOptions
{
    public const string Section = "Execution";

    /// <summary><c>auto</c>: a GPU if there is one that works, else the CPU. <c>cpu</c>. <c>cuda</c>: the service does not start without.</summary>
    [AllowedValues("auto", "cpu", "cuda", ErrorMessage = "Execution:Provider must be auto, cpu or cuda.")]
    public string Provider { get; set; } = "auto";

    /// <summary>Path of a CUDA provider library to register as a plugin, for builds of the native runtime that have none of their own.</summary>
    public string? CudaLibrary { get; set; }

    /// <summary>
    /// Path of the library of CUDA operators that models exported with <c>--kernels imageservice</c> use (<c>src/ImageService.Kernels</c>). Default:
    /// <c>libimageservice_kernels.so</c> beside the program, where there is one.
    /// </summary>
    public string? KernelLibrary { get; set; }

    /// <summary>Number of the GPU. A process uses one; several GPUs take a worker process each.</summary>
    [Range(0, 63)]
    public int CudaDevice { get; set; }

    /// <summary>Convolutions with channels last, the layout of tensor cores. False only to compare.</summary>
    public bool CudaNhwc { get; set; } = true;

    /// <summary>
    /// How cuDNN's algorithm for a convolution is found: <c>heuristic</c> asks cuDNN; <c>exhaustive</c> times all of them when a shape first appears, seconds for
    /// each row count; <c>default</c> takes always the same one.
    /// </summary>
    [AllowedValues("heuristic", "exhaustive", "default", ErrorMessage = "Execution:CudaConvolutionSearch must be heuristic, exhaustive or default.")]
    public string CudaConvolutionSearch { get; set; } = "heuristic";

    /// <summary>Products of float32 numbers in TF32 (10 bits of mantissa), several times faster. No effect on float16 models.</summary>
    public bool CudaTf32 { get; set; } = true;

    /// <summary>MiB of device memory that the arena of one session (text encoder, U-Net, each half of the VAE) may grow to; 0 = no limit.</summary>
    [Range(0, 1 << 24)]
    public int CudaArenaMiB { get; set; }

    /// <summary>How an arena grows: <c>as_requested</c>, or by the next <c>power_of_two</c>, which asks the driver less often and takes up to twice the memory.</summary>
    [AllowedValues("as_requested", "power_of_two", ErrorMessage = "Execution:CudaArenaGrowth must be as_requested or power_of_two.")]
    public string CudaArenaGrowth { get; set; } = "as_requested";

    /// <summary>Capture U-Net calls as CUDA graphs, one for each size and row count: a step is then one launch.</summary>
    public bool CudaGraphs { get; set; } = true;

    /// <summary>Further options of ONNX Runtime's CUDA provider by its own names, such as <c>sdpa_kernel</c> or <c>fuse_conv_bias</c>; they win over the ones above.</summary>
    public IDictionary<string, string> CudaOptions { get; } = new Dictionary<string, string>();

    /// <summary>Let operators that the GPU provider has no kernel for run on the CPU, with a warning; false = such a model is refused.</summary>
    public bool CpuFallback { get; set; } = true;

    /// <summary>Threads that share the work inside an operator, for all models together; 0 = one for each physical core.</summary>
    [Range(0, 1024)]
    public int IntraOpThreads { get; set; }

    /// <summary>Let idle threads spin between operators: a little faster on a machine with nothing else to do, slower on any other.</summary>
    public bool AllowSpinning { get; set; }
}

[OptionsValidator]
internal sealed partial class OnnxOptionsValidator : IValidateOptions<OnnxOptions>;
