using System.Collections.Concurrent;
using System.Runtime.CompilerServices;

namespace ImageService.Diffusion.Text;

/// <summary>What a model's text encoders make of a window without words, as most negative prompts are: computed once. Any thread.</summary>
internal sealed class EmptyWindows
{
    private static readonly ConditionalWeakTable<IDiffusionModel, EmptyWindows> OfModels = [];
    private readonly ConcurrentDictionary<(int Encoder, int? ClipSkip), (float[] Hidden, float[] Pooled)> _known = new();

    public static EmptyWindows Of(IDiffusionModel model) => OfModels.GetOrCreateValue(model);

    /// <summary>As <see cref="IDiffusionModel.EncodeTokens"/>, which is asked the first time.</summary>
    /// <param name="tokens">Those of the empty prompt.</param>
    public void Encode(IDiffusionModel model, int encoder, ReadOnlySpan<int> tokens, int? clipSkip, Span<float> hidden, Span<float> pooled)
    {
        if (!_known.TryGetValue((encoder, clipSkip), out var known) || known.Pooled.Length < pooled.Length)
        {
            model.EncodeTokens(encoder, tokens, clipSkip, hidden, pooled);
            _known[(encoder, clipSkip)] = (hidden.ToArray(), pooled.ToArray());
            return;
        }
        known.Hidden.CopyTo(hidden);
        known.Pooled.AsSpan(0, pooled.Length).CopyTo(pooled);
    }
}
