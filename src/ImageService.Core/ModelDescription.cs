namespace ImageService.Core;

/// <summary>What an API replica must know of a model to validate requests and fill in defaults. Workers announce it; no weights are needed.</summary>
public sealed record ModelDescription
{
    /// <summary>The name of the model's folder.</summary>
    public required string Id { get; init; }

    public required ModelFamily Family { get; init; }

    /// <summary>Sizes must be multiples of this many pixels: the VAE's scale times what the U-Net halves.</summary>
    public required int SizeMultiple { get; init; }

    public required int DefaultWidth { get; init; }
    public required int DefaultHeight { get; init; }
    public required int DefaultSteps { get; init; }
    public required float DefaultGuidanceScale { get; init; }
    public float DefaultGuidanceRescale { get; init; }

    /// <summary>A name of <see cref="SchedulerNames"/>.</summary>
    public required string DefaultScheduler { get; init; }

    /// <summary>A VAE encoder is there: start images are possible.</summary>
    public bool SupportsImageToImage { get; init; }

    /// <summary>The U-Net has 9 input channels: image and mask are required.</summary>
    public bool RequiresMask { get; init; }

    /// <summary>The most layers <see cref="GenerationRequest.ClipSkip"/> may skip; 0 where the export keeps only the last one.</summary>
    public int MaxClipSkip { get; init; }

    /// <summary>Tokens of the text encoder's context, begin and end included.</summary>
    public int ContextLength { get; init; } = 77;

    /// <summary>
    /// SHA-256 of the U-Net's model file and its external data behind it, lower-case hexadecimal: recorded in every picture. Empty for a model of
    /// hundreds of megabytes that has not been loaded yet.
    /// </summary>
    public string Hash { get; init; } = "";

    /// <summary>When the model's folder was last written.</summary>
    public DateTimeOffset CreatedAt { get; init; }
}

public enum ModelFamily
{
    StableDiffusion1,
    StableDiffusion2,
    StableDiffusionXl,
}
