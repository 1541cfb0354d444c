using System.Text.Json;

namespace ImageService.Onnx;

/// <summary>A configuration file of a model folder, read with sentences that name the file and the field.</summary>
internal sealed class JsonFile
{
    private readonly JsonElement _root;

    private JsonFile(string path, JsonElement root)
    {
        Path = path;
        _root = root;
    }

    public string Path { get; }

    /// <summary>The file as text.</summary>
    public string Text => _root.GetRawText();

    public static JsonFile Read(string path)
    {
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            return document.RootElement.ValueKind == JsonValueKind.Object ? new JsonFile(path, document.RootElement.Clone())
                : throw new ModelFolderException($"{path} must hold a JSON object.");
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new ModelFolderException($"{path} is missing.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ModelFolderException($"{path} cannot be read: {e.Message}", e);
        }
        catch (JsonException e)
        {
            throw new ModelFolderException($"{path} is not JSON: {e.Message}", e);
        }
    }

    /// <summary>An object inside this one, or null.</summary>
    public JsonFile? Object(string name) => Value(name) is not { } value ? null
        : value.ValueKind == JsonValueKind.Object ? new JsonFile($"{Path}: {name}", value) : throw Wrong(name, "an object");

    public string? String(string name) => Value(name) is not { } value ? null
        : value.ValueKind == JsonValueKind.String ? value.GetString() : throw Wrong(name, "a text");

    public bool? Boolean(string name) => Value(name) is not { } value ? null
        : value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean() : throw Wrong(name, "true or false");

    public float? Number(string name, float least, float most) => Value(name) is not { } value ? null
        : value.ValueKind == JsonValueKind.Number && value.TryGetSingle(out var number) && number >= least && number <= most ? number
        : throw Wrong(name, $"a number from {least} to {most}");

    public int? Integer(string name, int least, int most) => Value(name) is not { } value ? null
        : value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) && number >= least && number <= most ? number
        : throw Wrong(name, $"a whole number from {least} to {most}");

    public int RequiredInteger(string name, int least, int most) =>
        Integer(name, least, most) ?? throw new ModelFolderException($"{Path} lacks '{name}', a whole number from {least} to {most}.");

    /// <summary>How many entries an array has; null without it.</summary>
    public int? Count(string name) => Value(name) is not { } value ? null
        : value.ValueKind == JsonValueKind.Array ? value.GetArrayLength() : throw Wrong(name, "a list");

    private JsonElement? Value(string name) => _root.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private ModelFolderException Wrong(string name, string wanted) => new($"{Path}: '{name}' must be {wanted}.");
}
