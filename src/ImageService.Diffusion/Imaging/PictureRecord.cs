using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using ImageService.Core;

namespace ImageService.Diffusion.Imaging;

/// <summary>The JSON from which a picture can be drawn again: a request for it alone, in the API's own names, and what it was drawn on.</summary>
internal static class PictureRecord
{
    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
    };

    public static string Write(GenerationRequest request, long seed, ModelDescription model, PictureOrigin origin)
    {
        // A start image is named, not held: its blob is the store's business. The caller's labels are the caller's, and a picture may travel far.
        var alone = JsonSerializer.SerializeToNode(request with { Seed = seed, NumImages = 1, Image = null, MaskImage = null, Metadata = null }, Options)!.AsObject();
        alone.Remove("preview_every");
        alone.Remove("priority");
        if (request.Image is null)
            alone.Remove("strength");
        var record = new JsonObject
        {
            ["version"] = PictureMetadata.Version,
            ["request"] = alone,
            ["needs"] = JsonSerializer.SerializeToNode(new[] { request.Image is null ? null : "image", request.MaskImage is null ? null : "mask_image" }.OfType<string>()),
            ["model_hash"] = model.Hash,
            ["provider"] = origin.Provider,
            ["runtime_version"] = origin.RuntimeVersion,
            ["rows"] = origin.Rows,
            ["determinism"] = alone["determinism"]!.DeepClone(),
        };
        return record.ToJsonString(Options);
    }
}
