using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using ImageService.Core;

namespace ImageService.Diffusion.Imaging;

/// <summary>
/// The JSON from which a picture can be drawn again: a request for it alone, in the API's own names, and what it was drawn on.
/// </summary>
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
        // A start image is named, not held: its blob is the store's business. The caller's labels are the caller's, and a picture may
        // travel far.
        var single = request with { Seed = seed, NumImages = 1, Image = null, MaskImage = null, Metadata = null };
        var alone = JsonSerializer.SerializeToNode(single, Options)!.AsObject();
        alone.Remove("preview_every");
        alone.Remove("priority");
        if (request.Image is null)
            alone.Remove("strength");
        var needs = new JsonArray();
        if (request.Image is not null)
            needs.Add("image");
        if (request.MaskImage is not null)
            needs.Add("mask_image");
        var record = new JsonObject
        {
            ["version"] = PictureMetadata.Version,
            ["request"] = alone,
            ["needs"] = needs,
            ["model_hash"] = model.Hash,
            ["provider"] = origin.Provider,
            ["runtime_version"] = origin.RuntimeVersion,
            ["rows"] = origin.Rows,
            ["determinism"] = alone["determinism"]!.DeepClone(),
        };
        return record.ToJsonString(Options);
    }
}
