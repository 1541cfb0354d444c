using System.ComponentModel.DataAnnotations;
using ImageService.Diffusion.Denoise;
using Microsoft.Extensions.Options;

namespace ImageService.Worker;

/// <summary>How large U-Net calls may become and what stays loaded.</summary>
public sealed class EngineOptions : IValidatableObject
{
    public const string Section = "Engine";

    private const int CpuRows = 8;
    private const int DeviceRows = 16;

    /// <summary>U-Net rows of one call: a picture with guidance takes 2, one without takes 1. Null = 8 on a CPU, 16 elsewhere.</summary>
    [Range(1, 256)]
    public int? MaxRows { get; set; }

    /// <summary>
    /// Row counts to which calls are padded, rising; null = what suits the device: none on a CPU, where a row costs time and a new shape does not.
    /// </summary>
    public IReadOnlyList<int>? RowSizes { get; set; }

    /// <summary>The one row count of calls for pictures asked for with determinism "exact".</summary>
    [Range(2, 256)]
    public int ExactRows { get; set; } = 2;

    /// <summary>Who may share U-Net calls; anything but <see cref="Batching.Step"/> is for comparison.</summary>
    [EnumDataType(typeof(Batching))]
    public Batching Batching { get; set; } = Batching.Step;

    /// <summary>Models in memory at a time; the one unused for longest makes room.</summary>
    [Range(1, 64)]
    public int MaxLoadedModels { get; set; } = 1;

    /// <summary>Seconds after which a turn that does not end, one U-Net call mostly, counts as stuck and <c>/healthz/live</c> asks for a restart.</summary>
    [Range(10, 86_400)]
    public int StuckSeconds { get; set; } = 600;

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (RowSizes is { } sizes && (sizes.Any(s => s is < 1 or > 256) || !sizes.Order().Distinct().SequenceEqual(sizes)))
            yield return new ValidationResult("Engine:RowSizes must be rising numbers of 1 to 256.", [nameof(RowSizes)]);
    }

    internal int RowsOn(WorkerModels models) => MaxRows ?? (models.OnCpu ? CpuRows : DeviceRows);

    internal RowPolicy PolicyFor(WorkerModels models)
    {
        var maxRows = RowsOn(models);
        return new RowPolicy { Budget = _ => maxRows, Sizes = RowSizes ?? (models.OnCpu ? [] : RowPolicy.DeviceSizes), ExactRows = ExactRows, Batching = Batching };
    }
}

[OptionsValidator]
internal sealed partial class EngineOptionsValidator : IValidateOptions<EngineOptions>;
