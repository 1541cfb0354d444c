using System.Text.Json;

namespace ImageService.Diffusion.Text;

/// <summary>What the files of a tokenizer folder say, checked.</summary>
internal sealed class TokenizerFiles
{
    private const string VocabularyFile = "vocab.json";
    private const string MergesFile = "merges.txt";
    private const string ConfigFile = "tokenizer_config.json";
    private const string SpecialTokensFile = "special_tokens_map.json";

    // CLIP's own tokens, for folders that do not name them.
    private const string DefaultBegin = "<|startoftext|>";
    private const string DefaultEnd = "<|endoftext|>";

    private readonly string _folder;

    private TokenizerFiles(string folder)
    {
        _folder = folder;
        Vocabulary = ReadVocabulary();
        Merges = ReadMerges();
        var config = ReadObject(ConfigFile, required: true);
        var map = ReadObject(SpecialTokensFile, required: false);
        ContextLength = ReadContextLength(config);
        var begin = TokenOf("bos_token", config, map) ?? DefaultBegin;
        var end = TokenOf("eos_token", config, map) ?? DefaultEnd;
        var pad = TokenOf("pad_token", config, map) ?? end;
        BeginId = IdOf("bos_token", begin);
        EndId = IdOf("eos_token", end);
        PadId = IdOf("pad_token", pad);
        // Whatever is a special token is one wherever a text spells it. With SD 2.x that makes "!" the padding token, as in transformers.
        SpecialTokens = new Dictionary<string, int> { [begin] = BeginId, [end] = EndId, [pad] = PadId };
    }

    public Dictionary<string, int> Vocabulary { get; }
    public IReadOnlyList<string> Merges { get; }
    public Dictionary<string, int> SpecialTokens { get; }
    public int BeginId { get; }
    public int EndId { get; }
    public int PadId { get; }
    public int ContextLength { get; }

    public static TokenizerFiles Read(string folder) => new(folder);

    private Dictionary<string, int> ReadVocabulary()
    {
        var vocabulary = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var entry in ReadObject(VocabularyFile, required: true).EnumerateObject())
        {
            if (entry.Value.ValueKind != JsonValueKind.Number || !entry.Value.TryGetInt32(out var id) || id < 0)
                throw Broken(VocabularyFile, entry.Name, "must be a whole number of at least 0");
            vocabulary[entry.Name] = id;
        }
        if (vocabulary.Count == 0)
            throw new InvalidDataException($"{PathOf(VocabularyFile)} has no entries.");
        return vocabulary;
    }

    private List<string> ReadMerges()
    {
        var merges = new List<string>();
        var number = 0;
        foreach (var line in ReadText(MergesFile).Split('\n'))
        {
            number++;
            var merge = line.TrimEnd('\r');
            if (merge.Length == 0 || (number == 1 && merge.StartsWith("#version", StringComparison.Ordinal)))
                continue;
            var blank = merge.IndexOf(' ', StringComparison.Ordinal);
            if (blank <= 0 || blank == merge.Length - 1 || merge.IndexOf(' ', blank + 1) >= 0)
                throw new InvalidDataException($"{PathOf(MergesFile)}: line {number} must be two tokens with one blank between them.");
            if (!Vocabulary.ContainsKey(string.Concat(merge.AsSpan(0, blank), merge.AsSpan(blank + 1))))
                throw new InvalidDataException($"{PathOf(MergesFile)}: line {number} makes a token that {VocabularyFile} does not have.");
            merges.Add(merge);
        }
        return merges;
    }

    private int ReadContextLength(JsonElement config)
    {
        const string field = "model_max_length";
        if (!config.TryGetProperty(field, out var value) || value.ValueKind != JsonValueKind.Number
            || !value.TryGetInt32(out var length) || length is < 3 or > 4096)
            throw Broken(ConfigFile, field, "must be a whole number in 3..4096");
        return length;
    }

    // A special token is a string or an object with the string in "content". The map, written later in a model's life, is only asked when
    // the configuration does not say.
    private string? TokenOf(string field, JsonElement config, JsonElement map) =>
        TokenOf(ConfigFile, field, config) ?? TokenOf(SpecialTokensFile, field, map);

    private string? TokenOf(string file, string field, JsonElement root)
    {
        if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty(field, out var value) || value.ValueKind == JsonValueKind.Null)
            return null;
        if (value.ValueKind == JsonValueKind.Object && value.TryGetProperty("content", out var content))
            value = content;
        var token = value.ValueKind == JsonValueKind.String ? value.GetString() : null;
        return string.IsNullOrEmpty(token) ? throw Broken(file, field, "must be a string or an object with a string \"content\"") : token;
    }

    private int IdOf(string field, string token) =>
        Vocabulary.TryGetValue(token, out var id)
            ? id
            : throw new InvalidDataException($"{PathOf(VocabularyFile)} has no entry \"{token}\", the {field}.");

    private JsonElement ReadObject(string file, bool required)
    {
        if (!required && !File.Exists(PathOf(file)))
            return default;
        try
        {
            using var document = JsonDocument.Parse(ReadText(file));
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? document.RootElement.Clone()
                : throw new InvalidDataException($"{PathOf(file)} must hold one JSON object.");
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{PathOf(file)} is not JSON: line {e.LineNumber + 1} cannot be read.", e);
        }
    }

    private string ReadText(string file)
    {
        try
        {
            return File.ReadAllText(PathOf(file));
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new InvalidDataException($"{PathOf(file)} is missing.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InvalidDataException($"{PathOf(file)} cannot be read: {e.Message}", e);
        }
    }

    private string PathOf(string file) => Path.Combine(_folder, file);

    private InvalidDataException Broken(string file, string field, string rule) => new($"{PathOf(file)}: {field} {rule}.");
}
