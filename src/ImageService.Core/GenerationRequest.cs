namespace ImageService.Core;

/// <summary>
/// What to draw, with nothing left to decide: every default is filled in and the seed is fixed when the request is accepted,
/// so that a second attempt draws the same picture. Names are those of diffusers' pipelines.
/// </summary>
public sealed record GenerationRequest
{
    /// <summary>Id of the model, the name of its folder.</summary>
    public required string Model { get; init; }

    public required string Prompt { get; init; }

    /// <summary>What the picture should not show; empty = the unconditional prompt.</summary>
    public string NegativePrompt { get; init; } = "";

    /// <summary>Pixels; a multiple of the model's <see cref="ModelDescription.SizeMultiple"/>.</summary>
    public required int Width { get; init; }

    /// <inheritdoc cref="Width"/>
    public required int Height { get; init; }

    /// <summary>1..1000. Second-order schedulers evaluate the U-Net twice a step.</summary>
    public required int NumInferenceSteps { get; init; }

    /// <summary>0..100; at most 1 switches classifier-free guidance off (Ho and Salimans 2022).</summary>
    public required float GuidanceScale { get; init; }

    /// <summary>0..1, strength of the rescale of Lin et al. 2023, section 3.4.</summary>
    public float GuidanceRescale { get; init; }

    /// <summary>A name of <see cref="SchedulerNames"/>.</summary>
    public required string Scheduler { get; init; }

    /// <summary>0..2^63-1. Image i of the job is drawn with Seed + i, as if it were asked for alone.</summary>
    public required long Seed { get; init; }

    public NoiseSource Rng { get; init; } = NoiseSource.Mt19937;

    /// <summary>1..16.</summary>
    public int NumImages { get; init; } = 1;

    /// <summary>How many of the text encoder's last layers to skip, as diffusers counts: null = none.</summary>
    public int? ClipSkip { get; init; }

    public PromptSyntax PromptSyntax { get; init; } = PromptSyntax.Plain;

    /// <summary>Name of a blob with the decoded start image: Width x Height x 3 bytes, RGB rows from the top. Null = text to image.</summary>
    public string? Image { get; init; }

    /// <summary>Name of a blob with the mask: Width x Height bytes, 255 = repaint. Null = no inpainting.</summary>
    public string? MaskImage { get; init; }

    /// <summary>(0, 1]: how much of the start image is replaced. Without <see cref="Image"/> it has no meaning and is 1.</summary>
    public float Strength { get; init; } = 1;

    /// <summary>A preview every so many steps; 0 = none.</summary>
    public int PreviewEvery { get; init; }

    public OutputFormat OutputFormat { get; init; } = OutputFormat.Png;

    public Determinism Determinism { get; init; } = Determinism.Fast;

    /// <summary>-10..10, higher first among one client's jobs.</summary>
    public int Priority { get; init; }

    /// <summary>The caller's own labels, returned as they came.</summary>
    public IReadOnlyDictionary<string, string>? Metadata { get; init; }
}

/// <summary>Which generator draws the noise.</summary>
public enum NoiseSource
{
    /// <summary>torch's CPU generator: the pictures of diffusers and ComfyUI.</summary>
    Mt19937,

    /// <summary>Philox 4x32-10 as CUDA's generator draws it: the pictures of A1111's "NV" mode.</summary>
    Philox,
}

/// <summary>How the prompt's text is read.</summary>
public enum PromptSyntax
{
    /// <summary>As diffusers: every character counts, and what exceeds the encoder's context is cut off with a warning.</summary>
    Plain,

    /// <summary>As A1111: (word:1.3), [word], and prompts of any length in chunks of 75 tokens.</summary>
    A1111,
}

public enum OutputFormat
{
    Png,
}

/// <summary>How far a picture may depend on the rows that happened to share its batches.</summary>
public enum Determinism
{
    /// <summary>Any padded row count: equal within rounding.</summary>
    Fast,

    /// <summary>One fixed row count: equal to the byte on the same device, provider and version.</summary>
    Exact,
}
