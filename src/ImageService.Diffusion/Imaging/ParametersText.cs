using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using ImageService.Core;

namespace ImageService.Diffusion.Imaging;

/// <summary>A1111's text of how a picture was drawn: prompt, negative prompt, and one line of "Key: value" pairs in its order.</summary>
internal static class ParametersText
{
    private static readonly JsonSerializerOptions Quoted = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static string Write(GenerationRequest request, long seed, ModelDescription model)
    {
        var text = new StringBuilder(request.Prompt).Append('\n');
        if (request.NegativePrompt.Length > 0)
            text.Append("Negative prompt: ").Append(request.NegativePrompt).Append('\n');
        var pairs = Pairs(request, seed, model).Where(p => p.Value is not null).Select(p => $"{p.Key}: {Quote(p.Value!)}");
        return text.AppendJoin(", ", pairs).ToString().Trim();
    }

    private static IEnumerable<(string Key, string? Value)> Pairs(GenerationRequest request, long seed, ModelDescription model)
    {
        var scheduler = SchedulerNames.All.FirstOrDefault(s => s.Name == SchedulerNames.Canonical(request.Scheduler));
        yield return ("Steps", Number(request.NumInferenceSteps));
        yield return ("Sampler", scheduler?.Label ?? request.Scheduler);
        yield return ("Schedule type", scheduler?.Label is null ? null : scheduler.ScheduleType);
        yield return ("CFG scale", Number(request.GuidanceScale));
        yield return ("Seed", Number(seed));
        yield return ("Size", $"{request.Width}x{request.Height}");
        yield return ("Model hash", model.Hash.Length >= 10 ? model.Hash[..10] : null);
        yield return ("Model", model.Id);
        yield return ("Denoising strength", request.Image is null ? null : Number(request.Strength));
        // A1111 counts the layer at which to stop, diffusers the layers left out.
        yield return ("Clip skip", request.ClipSkip is > 0 ? Number(request.ClipSkip.Value + 1) : null);
        yield return ("RNG", request.Rng == NoiseSource.Philox ? "NV" : "CPU");
        // Brackets in a plain prompt are letters; A1111 would read them as weights.
        yield return ("Emphasis", request.PromptSyntax == PromptSyntax.Plain && HasBrackets(request) ? "None" : null);
        yield return ("Version", $"ImageService {PictureMetadata.Version}");
    }

    private static bool HasBrackets(GenerationRequest request) => (request.Prompt + request.NegativePrompt).AsSpan().ContainsAny('(', '[');

    private static string Number(IFormattable value) => value.ToString(null, CultureInfo.InvariantCulture);

    private static string Quote(string value) =>
        value.AsSpan().ContainsAny(',', ':', '\n') ? JsonSerializer.Serialize(value, Quoted) : value;
}
