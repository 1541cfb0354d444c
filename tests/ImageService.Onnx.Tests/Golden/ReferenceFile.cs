using System.Text.Json;

namespace ImageService.Onnx.Tests.Golden;

/// <summary>Figures that <c>reference.py</c> beside this file has computed with torch.</summary>
internal static class ReferenceFile
{
    private static readonly JsonSerializerOptions Options = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    public static IReadOnlyList<ClipSkipCase> ClipSkip { get; } = Read<ClipSkipCase>("clip_skip.json");

    public static IReadOnlyList<EmbeddingCase> GuidanceEmbeddings { get; } = Read<EmbeddingCase>("guidance_embedding.json");

    private static List<T> Read<T>(string name) =>
        JsonSerializer.Deserialize<List<T>>(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Golden", name)), Options)!;
}

/// <param name="States">By <c>clip_skip</c> ("none" without one): the rows at <paramref name="Positions"/>.</param>
/// <param name="Pooled">Null where the encoder has no projection.</param>
internal sealed record ClipSkipCase(string Model, int Encoder, int[] Tokens, int[] Positions, Dictionary<string, float[][]> States, float[]? Pooled);

internal sealed record EmbeddingCase(float GuidanceScale, int Width, float[] Embedding);
