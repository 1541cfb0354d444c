using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;
using ImageService.Core;

namespace ImageService.Api.Jobs;

/// <summary>
/// What to draw. Only <c>prompt</c> is required; whatever is null or absent takes the model's default. Names are those of diffusers' pipelines.
/// </summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record JobBody
{
    /// <summary>Id of a model of <c>GET /v1/models</c>. Default: the configured one, else the first.</summary>
    /// <example>starter</example>
    [StringLength(RequestRanges.MaxModelCharacters, MinimumLength = 1)]
    public string? Model { get; init; }

    /// <summary>What the picture shows: 1 to 4,096 characters, not only white space.</summary>
    /// <example>a red apple, 3d style, on a blue background</example>
    [Required]
    [StringLength(RequestRanges.MaxPromptCharacters, MinimumLength = 1)]
    public string? Prompt { get; init; }

    /// <summary>What the picture should not show: at most 4,096 characters.</summary>
    /// <example>blurry</example>
    [StringLength(RequestRanges.MaxPromptCharacters)]
    public string? NegativePrompt { get; init; }

    /// <summary>Pixels, a multiple of the model's <c>size_multiple</c>. Default: the start image's, else the model's.</summary>
    /// <example>256</example>
    [Range(8, 8192)]
    public int? Width { get; init; }

    /// <summary>Pixels, a multiple of the model's <c>size_multiple</c>. Default: the start image's, else the model's.</summary>
    /// <example>256</example>
    [Range(8, 8192)]
    public int? Height { get; init; }

    /// <summary>Denoising steps, 1 to 1000. Second-order schedulers evaluate the U-Net twice a step.</summary>
    /// <example>20</example>
    [Range(1, RequestRanges.MaxSteps)]
    public int? NumInferenceSteps { get; init; }

    /// <summary>Classifier-free guidance, 0 to 100; at most 1 switches it off.</summary>
    /// <example>7.5</example>
    [Range(0.0, RequestRanges.MaxGuidanceScale)]
    public float? GuidanceScale { get; init; }

    /// <summary>Rescale of the guided prediction (Lin et al. 2023, section 3.4), 0 to 1.</summary>
    /// <example>0</example>
    [Range(0.0, 1.0)]
    public float? GuidanceRescale { get; init; }

    /// <summary>A name or alias of <c>GET /v1/schedulers</c>.</summary>
    /// <example>euler</example>
    public string? Scheduler { get; init; }

    /// <summary>0 to 2^63-1; image i is drawn with seed + i. Default: random, below 2^32.</summary>
    /// <example>42</example>
    [Range(0L, long.MaxValue)]
    public long? Seed { get; init; }

    /// <summary>Which generator draws the noise: <c>mt19937</c> (torch's CPU generator, the default) or <c>philox</c> (CUDA's).</summary>
    /// <example>mt19937</example>
    public NoiseSource? Rng { get; init; }

    /// <summary>How many pictures, 1 to 16.</summary>
    /// <example>1</example>
    [Range(1, RequestRanges.MaxImages)]
    public int? NumImages { get; init; }

    /// <summary>How many of the text encoder's last layers to skip, from 0 to the model's <c>max_clip_skip</c>.</summary>
    /// <example>0</example>
    [Range(0, RequestRanges.MaxClipSkip)]
    public int? ClipSkip { get; init; }

    /// <summary>Start image: PNG, JPEG or WebP as base64 or data URI, sides up to 4096 pixels. Resized when width and height differ.</summary>
    /// <example>null</example>
    public string? Image { get; init; }

    /// <summary>Mask for inpainting, of the start image's size: white is painted anew. Same formats as <c>image</c>, which it needs.</summary>
    /// <example>null</example>
    public string? MaskImage { get; init; }

    /// <summary>How much of the start image is replaced: more than 0, at most 1. Default 0.8. Has no effect without <c>image</c>.</summary>
    /// <example>0.8</example>
    [Range(0.0, 1.0, MinimumIsExclusive = true)]
    public float? Strength { get; init; }

    /// <summary>A preview event every so many steps, 0 to 1000; 0 = none.</summary>
    /// <example>5</example>
    [Range(0, RequestRanges.MaxPreviewEvery)]
    public int? PreviewEvery { get; init; }

    /// <summary>File format of the pictures: <c>png</c>.</summary>
    /// <example>png</example>
    public OutputFormat? OutputFormat { get; init; }

    /// <summary>How the prompt is read: <c>plain</c> as diffusers does, <c>a1111</c> with (word:1.3) weights and prompts of any length.</summary>
    /// <example>plain</example>
    public PromptSyntax? PromptSyntax { get; init; }

    /// <summary><c>exact</c>: equal to the byte whatever else is drawn at the same time; <c>fast</c>: equal within rounding.</summary>
    /// <example>fast</example>
    public Determinism? Determinism { get; init; }

    /// <summary>-10 to 10, higher first among one client's jobs.</summary>
    /// <example>0</example>
    [Range(-RequestRanges.MaxPriority, RequestRanges.MaxPriority)]
    public int? Priority { get; init; }

    /// <summary>Your own labels, returned as they came: at most 16, keys of 1 to 64 and values of at most 512 characters.</summary>
    public IReadOnlyDictionary<string, string>? Metadata { get; init; }
}
