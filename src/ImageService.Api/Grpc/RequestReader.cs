using ImageService.Api.Jobs;
using ImageService.Api.Problems;
using ImageService.Core;
using ImageService.V1;

namespace ImageService.Api.Grpc;

/// <summary>Reads a message into the body that REST reads from JSON: what is checked, and what is said about it, is the same.</summary>
internal static class RequestReader
{
    /// <exception cref="ProblemException">400 with every field that is not even of its kind.</exception>
    public static JobBody Body(SubmitRequest request)
    {
        var errors = new FieldErrors();
        var body = new JobBody
        {
            Model = Text(request.Model),
            Prompt = Text(request.Prompt),
            NegativePrompt = Text(request.NegativePrompt),
            Width = request.HasWidth ? request.Width : null,
            Height = request.HasHeight ? request.Height : null,
            NumInferenceSteps = request.HasNumInferenceSteps ? request.NumInferenceSteps : null,
            GuidanceScale = request.HasGuidanceScale ? request.GuidanceScale : null,
            GuidanceRescale = request.HasGuidanceRescale ? request.GuidanceRescale : null,
            Scheduler = Text(request.Scheduler),
            Seed = request.HasSeed ? request.Seed : null,
            Rng = Word<NoiseSource>(errors, "rng", request.Rng),
            NumImages = request.HasNumImages ? request.NumImages : null,
            ClipSkip = request.HasClipSkip ? request.ClipSkip : null,
            // Base64, so that a key's fingerprint is the same whichever way a request came.
            Image = request.Image.IsEmpty ? null : request.Image.ToBase64(),
            MaskImage = request.MaskImage.IsEmpty ? null : request.MaskImage.ToBase64(),
            Strength = request.HasStrength ? request.Strength : null,
            PreviewEvery = request.HasPreviewEvery ? request.PreviewEvery : null,
            OutputFormat = Word<OutputFormat>(errors, "output_format", request.OutputFormat),
            PromptSyntax = Word<PromptSyntax>(errors, "prompt_syntax", request.PromptSyntax),
            Determinism = Word<Determinism>(errors, "determinism", request.Determinism),
            Priority = request.HasPriority ? request.Priority : null,
            Metadata = request.Metadata.Count == 0 ? null : new Dictionary<string, string>(request.Metadata),
        };
        errors.ThrowIfAny();
        return body;
    }

    /// <exception cref="ProblemException">400.</exception>
    public static string? IdempotencyKey(SubmitRequest request) => Text(request.IdempotencyKey) switch
    {
        null => null,
        var key when IdempotencyKeyHeader.IsKey(key) => key,
        _ => throw ProblemException.Field("idempotency_key",
            $"idempotency_key must be text of 1 to {IdempotencyKeyHeader.MaxLength} printable ASCII characters."),
    };

    // proto3 text that is not set is empty.
    private static string? Text(string value) => value.Length == 0 ? null : value;

    private static T? Word<T>(FieldErrors errors, string field, string value) where T : struct, Enum
    {
        if (value.Length == 0)
            return null;
        foreach (var known in Enum.GetValues<T>())
        {
            if (string.Equals(known.ToString(), value, StringComparison.OrdinalIgnoreCase))
                return known;
        }
        errors.Add(field, JobFields.MustBe(field));
        return null;
    }
}
