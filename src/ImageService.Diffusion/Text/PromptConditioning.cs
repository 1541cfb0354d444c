namespace ImageService.Diffusion.Text;

/// <summary>A request's prompts as the U-Net takes them.</summary>
public sealed record PromptConditioning
{
    /// <summary>Tokens of the context: a multiple of the encoder's window.</summary>
    public required int ContextLength { get; init; }

    /// <summary>[ContextLength, ContextSize].</summary>
    public required float[] Positive { get; init; }

    /// <summary>Same shape; null without classifier-free guidance.</summary>
    public float[]? Negative { get; init; }

    /// <summary>[PooledSize]; empty if the U-Net takes none.</summary>
    public float[] PooledPositive { get; init; } = [];

    /// <summary>Same shape; null without classifier-free guidance.</summary>
    public float[]? PooledNegative { get; init; }

    public IReadOnlyList<string> Warnings { get; init; } = [];
}
