using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace ImageService.Onnx;

/// <summary>Which models there are. Section <c>Models</c>.</summary>
public sealed class ModelsOptions
{
    public const string Section = "Models";

    /// <summary>Folder of model folders; empty = <c>models</c> beside the program, or in a folder above it.</summary>
    public string Path { get; set; } = "";

    /// <summary>Id of the model for requests that name none; empty = the first by name.</summary>
    public string Default { get; set; } = "";
}

/// <summary>Where and how models run. Section <c>Execution</c>.</summary>
public sealed class ExecutionOptions
{
    public const string Section = "Execution";

    /// <summary><c>auto</c>: a CUDA device if this build and machine have one, else the CPU; <c>cpu</c>; <c>cuda</c>: refuse to start without one.</summary>
    [RegularExpression("^(auto|cpu|cuda)$", ErrorMessage = "Execution:Provider must be auto, cpu or cuda.")]
    public string Provider { get; set; } = "auto";

    /// <summary>Path of a CUDA provider library to register; empty = the one that the ONNX Runtime package of this build brings, if it does.</summary>
    public string CudaLibrary { get; set; } = "";

    /// <summary>Number of the CUDA device. 0..63.</summary>
    [Range(0, 63)]
    public int CudaDevice { get; set; }

    /// <summary>Threads of the pool that all sessions share; 0 = one for each core. 0..256.</summary>
    [Range(0, 256)]
    public int Threads { get; set; }
}

[OptionsValidator]
internal sealed partial class ExecutionOptionsValidator : IValidateOptions<ExecutionOptions>;
