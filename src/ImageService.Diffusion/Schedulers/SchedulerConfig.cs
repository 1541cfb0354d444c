using System.Text.Json;
using System.Text.Json.Serialization;
using ImageService.Core;

namespace ImageService.Diffusion.Schedulers;

/// <summary>
/// A model's <c>scheduler/scheduler_config.json</c>. A value that the file does not name is null here, since every diffusers class has defaults of
/// its own: a request's scheduler replaces the algorithm and keeps what the file says, as diffusers' <c>from_config</c> does.
/// </summary>
public sealed record SchedulerConfig
{
    [JsonPropertyName("_class_name")]
    public string? ClassName { get; init; }

    public int? NumTrainTimesteps { get; init; }
    public double? BetaStart { get; init; }
    public double? BetaEnd { get; init; }
    public string? BetaSchedule { get; init; }
    public float[]? TrainedBetas { get; init; }

    /// <summary>"epsilon", "v_prediction" or "sample".</summary>
    public string? PredictionType { get; init; }

    /// <summary>"leading", "trailing" or "linspace".</summary>
    public string? TimestepSpacing { get; init; }

    public int? StepsOffset { get; init; }
    public bool? RescaleBetasZeroSnr { get; init; }
    public bool? SetAlphaToOne { get; init; }
    public string? FinalSigmasType { get; init; }
    public bool? ClipSample { get; init; }
    public float? ClipSampleRange { get; init; }
    public bool? Thresholding { get; init; }
    public float? DynamicThresholdingRatio { get; init; }
    public float? SampleMaxValue { get; init; }
    public bool? SkipPrkSteps { get; init; }
    public string? VarianceType { get; init; }
    public string? InterpolationType { get; init; }
    public bool? UseKarrasSigmas { get; init; }
    public bool? UseExponentialSigmas { get; init; }
    public bool? UseBetaSigmas { get; init; }
    public string? AlgorithmType { get; init; }
    public string? SolverType { get; init; }
    public int? SolverOrder { get; init; }
    public bool? LowerOrderFinal { get; init; }
    public bool? EulerAtFinal { get; init; }
    public float? LambdaMinClipped { get; init; }
    public bool? PredictX0 { get; init; }
    public int[]? DisableCorrector { get; init; }
    public int? OriginalInferenceSteps { get; init; }
    public float? TimestepScaling { get; init; }
    public float? Gamma { get; init; }

    /// <summary>The name in <see cref="SchedulerNames"/> of the scheduler that the file describes; null if it names none of ours.</summary>
    [JsonIgnore]
    public string? SchedulerName
    {
        get
        {
            var name = ClassName is null ? null : SchedulerNames.Canonical(ClassName);
            if (name == "dpmpp_2m")
                name = (SolverOrder == 3 ? "dpmpp_3m" : "dpmpp_2m") + (AlgorithmType is "sde-dpmsolver++" or "sde-dpmsolver" ? "_sde" : "");
            var curve = UseKarrasSigmas == true ? "_karras" : UseExponentialSigmas == true ? "_exponential" : UseBetaSigmas == true ? "_beta" : "";
            return name is null ? null : SchedulerNames.Canonical(name + curve) ?? name;
        }
    }

    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals | JsonNumberHandling.AllowReadingFromString,
    };

    /// <exception cref="JsonException">The text is not such a file; the message names the field.</exception>
    public static SchedulerConfig Parse(string json) =>
        JsonSerializer.Deserialize<SchedulerConfig>(json, Options) ?? throw new JsonException("The scheduler configuration is empty.");
}
