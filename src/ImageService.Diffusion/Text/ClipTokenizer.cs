using System.Text.RegularExpressions;
using Microsoft.ML.Tokenizers;

namespace ImageService.Diffusion.Text;

/// <summary>
/// CLIP's byte-pair tokenizer (Radford et al. 2021; transformers' <c>CLIPTokenizer</c>), made from the files of a model folder. Any
/// vocabulary in CLIP's file format will do, whatever its size. Safe for use by several threads.
/// </summary>
public sealed partial class ClipTokenizer
{
    /// <summary>
    /// Characters of the longest text that is taken: merging one very long word takes time that grows with the square of its length.
    /// </summary>
    public const int MaxTextLength = 32_768;

    private readonly BpeTokenizer _tokenizer;
    private readonly TokenText _text;

    private ClipTokenizer(TokenizerFiles files)
    {
        BeginId = files.BeginId;
        EndId = files.EndId;
        PadId = files.PadId;
        CommaId = files.Vocabulary.TryGetValue(",</w>", out var comma) ? comma : null;
        ContextLength = files.ContextLength;
        VocabularySize = files.Vocabulary.Count;
        _text = new TokenText(files.Vocabulary);
        _tokenizer = BpeTokenizer.Create(new BpeOptions(files.Vocabulary)
        {
            Merges = files.Merges,
            ByteLevel = true,
            EndOfWordSuffix = "</w>",
            SpecialTokens = files.SpecialTokens,
            PreTokenizer = new RegexPreTokenizer(WordPattern(files.SpecialTokens.Keys), files.SpecialTokens),
        });
    }

    /// <summary>First token of every window.</summary>
    public int BeginId { get; }

    /// <summary>The token after the last word of a window.</summary>
    public int EndId { get; }

    /// <summary>Fills the rest of a window: the end token in SD 1.x, id 0 in SD 2.x and in SDXL's second tokenizer.</summary>
    public int PadId { get; }

    /// <summary>Tokens of one window, begin and end included (<c>model_max_length</c>): 77 for CLIP.</summary>
    public int ContextLength { get; }

    /// <summary>Number of entries in the vocabulary; every id is below the embedding's size if this is.</summary>
    public int VocabularySize { get; }

    /// <summary>The comma as a word of its own, where long prompts are best split; null if the vocabulary has none.</summary>
    internal int? CommaId { get; }

    /// <summary>
    /// Reads <c>vocab.json</c>, <c>merges.txt</c>, <c>tokenizer_config.json</c> and, if it is there, <c>special_tokens_map.json</c>.
    /// </summary>
    /// <param name="folder">A model's <c>tokenizer</c> folder.</param>
    /// <exception cref="InvalidDataException">A file is missing or broken; the message names it and the field.</exception>
    public static ClipTokenizer Load(string folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        return new ClipTokenizer(TokenizerFiles.Read(folder));
    }

    /// <summary>
    /// The ids of a text, without begin, end and padding, however many they are. Text that spells a special token becomes that token, as in
    /// transformers.
    /// </summary>
    /// <exception cref="ArgumentException">The text is longer than <see cref="MaxTextLength"/>.</exception>
    public IReadOnlyList<int> Encode(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Length > MaxTextLength)
            throw new ArgumentException($"text has {text.Length} characters, but may have at most {MaxTextLength}.", nameof(text));
        return _tokenizer.EncodeToIds(Normalize(text), considerPreTokenization: true, considerNormalization: false);
    }

    /// <summary>Ids as text, in the normal form in which the encoder sees it (lower case, single spaces).</summary>
    public string Decode(IEnumerable<int> ids) => _text.Decode(ids);

    /// <summary>One window for the text encoder: begin, the ids, end, padding. Ids that do not fit are left out.</summary>
    /// <returns>[ContextLength].</returns>
    public int[] Window(IEnumerable<int> ids) => Window(ids, ContextLength);

    /// <summary>A window of a given length, for an encoder whose context differs from what the tokenizer's files say.</summary>
    internal int[] Window(IEnumerable<int> ids, int length)
    {
        ArgumentNullException.ThrowIfNull(ids);
        var window = new int[length];
        window[0] = BeginId;
        var at = 1;
        foreach (var id in ids.Take(length - 2))
            window[at++] = id;
        window[at++] = EndId;
        window.AsSpan(at).Fill(PadId);
        return window;
    }

    // What transformers' fast CLIP tokenizer does before it splits into words: NFC, white space to one blank, lower case. U+0130 has no
    // one-letter lower case form, and ToLowerInvariant leaves it.
    private static string Normalize(string text) =>
        WhiteSpace().Replace(UnicodeComposition.Compose(text), " ")
            .Replace("\u0130", "i\u0307", StringComparison.Ordinal)
            .ToLowerInvariant();

    private static Regex WordPattern(IEnumerable<string> specialTokens)
    {
        var specials = string.Join('|', specialTokens.Select(Regex.Escape));
        const string words = @"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+";
        return new Regex($"{specials}|{words}", RegexOptions.CultureInvariant | RegexOptions.Compiled);
    }

    [GeneratedRegex(@"\s+", RegexOptions.CultureInvariant)]
    private static partial Regex WhiteSpace();
}
