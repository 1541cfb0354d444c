using System.Globalization;

namespace ImageService.Api.Jobs;

/// <summary>What each field of <see cref="JobBody"/> may hold, as the end of the sentence "field must be ...".</summary>
internal static class JobFields
{
    private static readonly Dictionary<string, string> Allowed = new(StringComparer.Ordinal)
    {
        ["model"] = "the id of a model as text (GET /v1/models lists them)",
        ["prompt"] = $"text of 1 to {N(RequestRanges.MaxPromptCharacters)} characters, not only white space",
        ["negative_prompt"] = $"text of at most {N(RequestRanges.MaxPromptCharacters)} characters",
        ["width"] = "a whole number of pixels, a multiple of the model's size_multiple",
        ["height"] = "a whole number of pixels, a multiple of the model's size_multiple",
        ["num_inference_steps"] = $"a whole number from 1 to {RequestRanges.MaxSteps}",
        ["guidance_scale"] = $"a number from 0 to {RequestRanges.MaxGuidanceScale}",
        ["guidance_rescale"] = "a number from 0 to 1",
        ["scheduler"] = "the name of a scheduler as text (GET /v1/schedulers lists them)",
        ["seed"] = "a whole number from 0 to 9223372036854775807",
        ["rng"] = "\"mt19937\" or \"philox\"",
        ["num_images"] = $"a whole number from 1 to {RequestRanges.MaxImages}",
        ["clip_skip"] = "a whole number from 0 to the model's max_clip_skip",
        ["image"] = "a PNG, JPEG or WebP file as base64 text or data URI",
        ["mask_image"] = "a PNG, JPEG or WebP file as base64 text or data URI",
        ["strength"] = "a number greater than 0 and at most 1",
        ["preview_every"] = $"a whole number from 0 to {RequestRanges.MaxPreviewEvery}",
        ["output_format"] = "\"png\"",
        ["prompt_syntax"] = "\"plain\" or \"a1111\"",
        ["determinism"] = "\"fast\" or \"exact\"",
        ["priority"] = $"a whole number from {-RequestRanges.MaxPriority} to {RequestRanges.MaxPriority}",
        ["metadata"] = $"an object of at most {RequestRanges.MaxMetadataEntries} texts, with keys of 1 to "
            + $"{RequestRanges.MaxMetadataKey} and values of at most {RequestRanges.MaxMetadataValue} characters",
    };

    public static IEnumerable<string> Names => Allowed.Keys;

    public static string MustBe(string field) => $"{field} must be {Allowed[field]}.";

    private static string N(int number) => number.ToString("N0", CultureInfo.InvariantCulture);
}
