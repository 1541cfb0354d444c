namespace ImageService.Diffusion.Text;

/// <summary>What one window of a text encoder holds.</summary>
/// <param name="Tokens">Ids without begin, end and padding; at most the window's length less two.</param>
/// <param name="Weights">One for each token; null = all 1.</param>
internal readonly record struct PromptChunk(IReadOnlyList<int> Tokens, IReadOnlyList<float>? Weights)
{
    public static PromptChunk Empty { get; } = new([], null);
}
