using System.Text.Json;
using System.Text.Json.Serialization;

namespace ImageService.Storage;

/// <summary>
/// How requests, results and models are written into the store: snake_case; a reader skips fields it does not know, and a field that an older
/// program did not write has its default. The second is why the serializer's source generator is not used: with it, missing init-only
/// properties become zero instead of what their initializer says.
/// </summary>
internal static class StorageJson
{
    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
    };

    public static string Write<T>(T value) => JsonSerializer.Serialize(value, Options);

    public static T Read<T>(string json) => JsonSerializer.Deserialize<T>(json, Options)!;
}
