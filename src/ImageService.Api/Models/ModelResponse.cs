using ImageService.Core;

namespace ImageService.Api.Models;

/// <summary>A model that some worker can draw with: OpenAI's shape and what a request needs to know.</summary>
internal sealed record ModelResponse
{
    /// <example>starter</example>
    public required string Id { get; init; }

    /// <summary>Always <c>model</c>.</summary>
    /// <example>model</example>
    public string Object { get; init; } = "model";

    /// <summary>When the model's folder was last written, in Unix seconds.</summary>
    public long Created { get; init; }

    /// <summary>Always <c>local</c>.</summary>
    /// <example>local</example>
    public string OwnedBy { get; init; } = "local";

    public ModelFamily Family { get; init; }

    /// <summary>Width and height must be multiples of this many pixels.</summary>
    public int SizeMultiple { get; init; }

    public int DefaultWidth { get; init; }
    public int DefaultHeight { get; init; }
    public int DefaultSteps { get; init; }
    public float DefaultGuidanceScale { get; init; }
    public float DefaultGuidanceRescale { get; init; }
    public required string DefaultScheduler { get; init; }

    /// <summary>Whether <c>image</c> may be given.</summary>
    public bool SupportsImageToImage { get; init; }

    /// <summary>Whether <c>image</c> and <c>mask_image</c> must be given.</summary>
    public bool RequiresMask { get; init; }

    /// <summary>The most that <c>clip_skip</c> may be.</summary>
    public int MaxClipSkip { get; init; }

    /// <summary>Tokens that the text encoder reads at a time, begin and end included.</summary>
    public int ContextLength { get; init; }

    /// <summary>SHA-256 of the U-Net's file.</summary>
    public required string Hash { get; init; }

    public static ModelResponse From(ModelDescription model) => new()
    {
        Id = model.Id,
        Created = model.CreatedAt.ToUnixTimeSeconds(),
        Family = model.Family,
        SizeMultiple = model.SizeMultiple,
        DefaultWidth = model.DefaultWidth,
        DefaultHeight = model.DefaultHeight,
        DefaultSteps = model.DefaultSteps,
        DefaultGuidanceScale = model.DefaultGuidanceScale,
        DefaultGuidanceRescale = model.DefaultGuidanceRescale,
        DefaultScheduler = model.DefaultScheduler,
        SupportsImageToImage = model.SupportsImageToImage,
        RequiresMask = model.RequiresMask,
        MaxClipSkip = model.MaxClipSkip,
        ContextLength = model.ContextLength,
        Hash = model.Hash,
    };
}

/// <summary>OpenAI's list shape.</summary>
/// <param name="Object">Always <c>list</c>.</param>
internal sealed record ModelListResponse(string Object, IReadOnlyList<ModelResponse> Data);
