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

    /// <summary>Number of the GPU.</summary>
    [Range(0, 63)]
    public int CudaDevice { get; set; }

    /// <summary>Threads that share the work inside an operator, for all models together; 0 = one for each physical core.</summary>
    [Range(0, 1024)]
    public int IntraOpThreads { get; set; }

    /// <summary>Let idle threads spin between operators: a little faster on a machine with nothing else to do, slower on any other.</summary>
    public bool AllowSpinning { get; set; }
}

[OptionsValidator]
internal sealed partial class OnnxOptionsValidator : IValidateOptions<OnnxOptions>;
