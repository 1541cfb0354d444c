namespace ImageService.Diffusion.Text;

/// <summary>A request's prompts as the U-Net takes them.</summary>
public sealed record PromptConditioning
{
    /// <summary>Tokens of the context: one window, or as many windows as the longer of the two prompts has chunks.</summary>
    public required int ContextLength { get; init; }

    /// <summary>[ContextLength, ContextSize].</summary>
    public required float[] Positive { get; init; }

    /// <summary>
    /// [ContextLength, ContextSize]; null where classifier-free guidance is off: a scale of at most 1, or a U-Net that takes the scale as
    /// an input.
    /// </summary>
    public float[]? Negative { get; init; }

    /// <summary>[PooledSize]; empty if the U-Net takes none.</summary>
    public required float[] PooledPositive { get; init; }

    /// <summary>[PooledSize]; null where <see cref="Negative"/> is.</summary>
    public float[]? PooledNegative { get; init; }

    /// <summary>One sentence for each thing that was left out.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];
}
