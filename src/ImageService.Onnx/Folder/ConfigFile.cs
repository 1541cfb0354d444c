using System.Text.Json;

namespace ImageService.Onnx.Folder;

/// <summary>A JSON file of a model folder. Every complaint names the file and the field.</summary>
internal sealed class ConfigFile
{
    private readonly JsonElement _root;
    private readonly string _prefix;

    private ConfigFile(string path, JsonElement root, string prefix = "")
    {
        Path = path;
        _root = root;
        _prefix = prefix;
    }

    public string Path { get; }

    public static ConfigFile Read(string path) => ReadIfThere(path) ?? throw new ModelFolderException($"{path} is missing.");

    public static ConfigFile? ReadIfThere(string path)
    {
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? new ConfigFile(path, document.RootElement.Clone())
                : throw new ModelFolderException($"{path} must hold one JSON object.");
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (JsonException e)
        {
            throw new ModelFolderException($"{path} is not JSON: line {e.LineNumber + 1} cannot be read.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ModelFolderException($"{path} cannot be read: {e.Message}", e);
        }
    }

    public string Json => _root.GetRawText();

    public ConfigFile? Object(string field) =>
        Find(field) is not { } value ? null
        : value.ValueKind == JsonValueKind.Object ? new ConfigFile(Path, value, $"{_prefix}{field}.")
        : throw Bad(field, "must be an object");

    public int Int(string field, int min, int max) => OptionalInt(field, min, max) ?? throw Bad(field, "is missing");

    public int? OptionalInt(string field, int min, int max) =>
        Find(field) is not { } value ? null
        : value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) && number >= min && number <= max ? number
        : throw Bad(field, $"must be a whole number in {min}..{max}, not {Shown(value)}");

    public float? OptionalFloat(string field, float min, float max) =>
        Find(field) is not { } value ? null
        : value.ValueKind == JsonValueKind.Number && value.TryGetSingle(out var number) && number >= min && number <= max ? number
        : throw Bad(field, $"must be a number in {min}..{max}, not {Shown(value)}");

    public string? OptionalText(string field) =>
        Find(field) is not { } value ? null
        : value.ValueKind == JsonValueKind.String ? value.GetString()
        : throw Bad(field, $"must be a string, not {Shown(value)}");

    public bool? OptionalFlag(string field) =>
        Find(field) is not { } value ? null
        : value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean()
        : throw Bad(field, $"must be true or false, not {Shown(value)}");

    public bool Has(string field) => Find(field) is not null;

    /// <summary>Whole numbers in a list, or one alone; null if the field is absent.</summary>
    public int[]? OptionalInts(string field) =>
        Find(field) is not { } value ? null
        : value.ValueKind == JsonValueKind.Array && value.EnumerateArray().All(IsInt) ? value.EnumerateArray().Select(v => v.GetInt32()).ToArray()
        : IsInt(value) ? [value.GetInt32()]
        : throw Bad(field, $"must be a list of whole numbers, not {Shown(value)}");

    /// <summary>How many entries a list has.</summary>
    public int Count(string field) =>
        Find(field) is { ValueKind: JsonValueKind.Array } value && value.GetArrayLength() > 0 ? value.GetArrayLength()
        : throw Bad(field, "must be a list with at least one entry");

    /// <summary>The class of a part in model_index.json: <c>["library", "class"]</c>.</summary>
    public string? ClassOf(string field) =>
        Find(field) is { ValueKind: JsonValueKind.Array } value && value.GetArrayLength() == 2 && value[1].ValueKind == JsonValueKind.String
            ? value[1].GetString()
            : null;

    public ModelFolderException Bad(string field, string rule) => new($"{Path}: {_prefix}{field} {rule}.");

    // null means the same as absent in diffusers' files.
    private JsonElement? Find(string field) =>
        _root.TryGetProperty(field, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private static bool IsInt(JsonElement value) => value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out _);

    private static string Shown(JsonElement value)
    {
        var text = value.GetRawText();
        return text.Length <= 60 ? text : $"{text[..60]}...";
    }
}
