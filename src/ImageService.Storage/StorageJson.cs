using System.Text.Json;
using System.Text.Json.Serialization;
using ImageService.Core;

namespace ImageService.Storage;

/// <summary>How requests, results and models are written into the store: snake_case; a reader skips fields it does not know.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    UseStringEnumConverter = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(GenerationRequest))]
[JsonSerializable(typeof(JobResult))]
[JsonSerializable(typeof(JobError))]
[JsonSerializable(typeof(ModelDescription))]
[JsonSerializable(typeof(IReadOnlyCollection<string>))]
internal sealed partial class StorageJson : JsonSerializerContext
{
    public static string Write<T>(T value) => JsonSerializer.Serialize(value, typeof(T), Default);

    public static T Read<T>(string json) => (T)JsonSerializer.Deserialize(json, typeof(T), Default)!;
}
