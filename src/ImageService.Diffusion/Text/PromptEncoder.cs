using System.Text.RegularExpressions;
using ImageService.Core;

namespace ImageService.Diffusion.Text;

/// <summary>
/// Turns a request's prompts into the U-Net's text context: as diffusers' pipelines do (<c>encode_prompt</c> of StableDiffusionPipeline and
/// StableDiffusionXLPipeline), or with A1111's weights and chunks.
/// </summary>
public static partial class PromptEncoder
{
    /// <summary>Runs the tokenizers and text encoders. The model's thread calls this.</summary>
    public static PromptConditioning Encode(IDiffusionModel model, GenerationRequest request)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(request);
        var info = model.Info;
        var warnings = new List<string>();
        var guided = request.GuidanceScale > 1 && info.GuidanceEmbeddingSize == 0;
        var zeros = info.ForceZerosForEmptyPrompt && request.NegativePrompt.Length == 0;

        var positive = Split(info, request.Prompt, request.PromptSyntax, "prompt", warnings);
        var negative = guided && !zeros ? Split(info, request.NegativePrompt, request.PromptSyntax, "negative_prompt", warnings) : [];
        var windows = positive.Concat(negative).Max(chunks => chunks.Count);

        // diffusers skips layers for the prompt only, A1111 for both prompts.
        var negativeSkip = request.PromptSyntax == PromptSyntax.A1111 ? request.ClipSkip : null;
        var (context, pooled) = Run(model, positive, windows, request.ClipSkip);
        var (negativeContext, negativePooled) = !guided ? (null, null)
            : zeros ? (new float[context.Length], new float[pooled.Length])
            : Run(model, negative, windows, negativeSkip);
        return new PromptConditioning
        {
            ContextLength = windows * info.TextEncoders[0].ContextLength,
            Positive = context,
            Negative = negativeContext,
            PooledPositive = pooled,
            PooledNegative = negativePooled,
            Warnings = warnings.Distinct().ToList(),
        };
    }

    // Chunks for each text encoder: their tokenizers may differ.
    private static List<IReadOnlyList<PromptChunk>> Split(
        ModelInfo info, string text, PromptSyntax syntax, string field, List<string> warnings) =>
        info.TextEncoders.Select(encoder => syntax == PromptSyntax.A1111
            ? Chunks(encoder, text, field, warnings)
            : [Truncate(encoder, text, field, warnings)]).ToList();

    private static IReadOnlyList<PromptChunk> Chunks(TextEncoderInfo encoder, string text, string field, List<string> warnings)
    {
        if (OtherSyntax().Match(text) is { Success: true } match)
            warnings.Add($"\"{match.Value}\" in {field} was read as plain text: of A1111's syntax only weights and BREAK are understood.");
        return PromptChunker.Split(encoder.Tokenizer, encoder.ContextLength - 2, text);
    }

    private static PromptChunk Truncate(TextEncoderInfo encoder, string text, string field, List<string> warnings)
    {
        var ids = encoder.Tokenizer.Encode(text);
        var room = encoder.ContextLength - 2;
        if (ids.Count <= room)
            return new PromptChunk(ids, null);
        warnings.Add($"The end of {field} was left out, since the text encoder reads at most {encoder.ContextLength} tokens: " +
                     $"\"{encoder.Tokenizer.Decode(ids.Skip(room))}\".");
        return new PromptChunk(ids.Take(room).ToList(), null);
    }

    private static (float[] Context, float[] Pooled) Run(
        IDiffusionModel model, List<IReadOnlyList<PromptChunk>> prompts, int windows, int? clipSkip)
    {
        var info = model.Info;
        var context = new float[windows * info.TextEncoders[0].ContextLength * info.ContextSize];
        var pooled = new float[info.PooledSize];
        var column = 0;
        for (var e = 0; e < info.TextEncoders.Count; e++)
        {
            var encoder = info.TextEncoders[e];
            var hidden = new float[encoder.ContextLength * encoder.HiddenSize];
            for (var w = 0; w < windows; w++)
            {
                var chunk = w < prompts[e].Count ? prompts[e][w] : PromptChunk.Empty;
                // The U-Net's pooled embedding is that of the last encoder's first window.
                var wantsPooled = w == 0 && e == info.TextEncoders.Count - 1;
                var tokens = encoder.Tokenizer.Window(chunk.Tokens, encoder.ContextLength);
                if (chunk.Tokens.Count == 0)
                    EmptyWindows.Of(model).Encode(model, e, tokens, clipSkip, hidden, wantsPooled ? pooled : []);
                else
                    model.EncodeTokens(e, tokens, clipSkip, hidden, wantsPooled ? pooled : []);
                if (chunk.Weights is not null)
                    Emphasis.Apply(hidden, encoder.HiddenSize, chunk.Weights);
                for (var t = 0; t < encoder.ContextLength; t++)
                {
                    var row = ((w * encoder.ContextLength) + t) * info.ContextSize;
                    hidden.AsSpan(t * encoder.HiddenSize, encoder.HiddenSize).CopyTo(context.AsSpan(row + column));
                }
            }
            column += encoder.HiddenSize;
        }
        return (context, pooled);
    }

    // Prompt editing, alternation, composition and extra networks.
    [GeneratedRegex(@"\[[^\[\]|]*(\|[^\[\]]*|:\s*[0-9.]+\s*)\]|\bAND\b|<(lora|lyco|hypernet):[^<>]*>",
        RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex OtherSyntax();
}
