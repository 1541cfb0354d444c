using System.CommandLine;
using ImageService.Api.Jobs;
using ImageService.Core;

namespace ImageService.Standalone.CommandLine;

/// <summary><c>generate PROMPT -o picture.png</c>: the fields of <c>POST /v1/jobs</c> as options.</summary>
internal static class GenerateCommand
{
    private static readonly Argument<string> Prompt = new("prompt") { Description = "What the picture shows." };
    private static readonly Option<FileInfo> Output = new("--output", "-o")
    {
        Description = "Where to write the PNG. With several pictures their numbers are added: picture-0.png, picture-1.png.",
        DefaultValueFactory = _ => new FileInfo("picture.png"),
    };
    private static readonly Option<string?> Model = new("--model", "-m") { Description = "Name of a model folder below Models:Path." };
    private static readonly Option<string?> NegativePrompt = new("--negative-prompt", "-n") { Description = "What the picture should not show." };
    private static readonly Option<int?> Width = new("--width", "-W") { Description = "Pixels." };
    private static readonly Option<int?> Height = new("--height", "-H") { Description = "Pixels." };
    private static readonly Option<int?> Steps = new("--num-inference-steps", "--steps") { Description = "Denoising steps, 1 to 1000." };
    private static readonly Option<float?> GuidanceScale = new("--guidance-scale", "--guidance") { Description = "Classifier-free guidance, 0 to 100; at most 1 switches it off." };
    private static readonly Option<float?> GuidanceRescale = new("--guidance-rescale") { Description = "0 to 1." };
    private static readonly Option<string?> Scheduler = new("--scheduler") { Description = "Noise scheduler, such as euler or dpmpp_2m_karras." };
    private static readonly Option<long?> Seed = new("--seed", "-s") { Description = "0 or more; picture i has seed + i. Default: random." };
    private static readonly Option<NoiseSource?> Rng = new("--rng") { Description = "mt19937 (as diffusers) or philox (as A1111)." };
    private static readonly Option<int?> NumImages = new("--num-images", "-k") { Description = "How many pictures, 1 to 16." };
    private static readonly Option<int?> ClipSkip = new("--clip-skip") { Description = "Last layers of the text encoder to skip." };
    private static readonly Option<FileInfo?> Image = new("--image", "-i") { Description = "Start image: PNG, JPEG or WebP." };
    private static readonly Option<FileInfo?> MaskImage = new("--mask-image") { Description = "Mask of the start image's size: white is painted anew." };
    private static readonly Option<float?> Strength = new("--strength") { Description = "How much of the start image is replaced: more than 0, at most 1." };
    private static readonly Option<PromptSyntax?> PromptSyntax = new("--prompt-syntax") { Description = "plain, or a1111 for (word:1.3) weights and long prompts." };
    private static readonly Option<Determinism?> Determinism = new("--determinism") { Description = "fast or exact." };

    public static Command Create()
    {
        var command = new Command("generate", "Draw a picture, with a progress bar, and exit. Ctrl-C cancels.")
        {
            Prompt, Output, Model, NegativePrompt, Width, Height, Steps, GuidanceScale, GuidanceRescale, Scheduler, Seed, Rng, NumImages, ClipSkip,
            Image, MaskImage, Strength, PromptSyntax, Determinism,
        };
        command.SetAction((parsed, cancellationToken) => parsed.UnmatchedTokens.FirstOrDefault(t => !IsSetting(t)) is { } slip
            ? Task.FromResult(Generation.Refuse($"'{slip}' is not an option of generate; see --help. Settings are given as --Section:Key=value."))
            : Generation.RunAsync(Body(parsed), parsed.GetValue(Output)!, [.. parsed.UnmatchedTokens], cancellationToken));
        return command;
    }

    // Goes to the configuration, as it does when serving.
    private static bool IsSetting(string token) =>
        token.StartsWith("--", StringComparison.Ordinal) && token.IndexOf(':') is > 2 and var colon && token.IndexOf('=') > colon;

    private static JobBody Body(ParseResult parsed) => new()
    {
        Prompt = parsed.GetValue(Prompt),
        Model = parsed.GetValue(Model),
        NegativePrompt = parsed.GetValue(NegativePrompt),
        Width = parsed.GetValue(Width),
        Height = parsed.GetValue(Height),
        NumInferenceSteps = parsed.GetValue(Steps),
        GuidanceScale = parsed.GetValue(GuidanceScale),
        GuidanceRescale = parsed.GetValue(GuidanceRescale),
        Scheduler = parsed.GetValue(Scheduler),
        Seed = parsed.GetValue(Seed),
        Rng = parsed.GetValue(Rng),
        NumImages = parsed.GetValue(NumImages),
        ClipSkip = parsed.GetValue(ClipSkip),
        Image = Base64(parsed.GetValue(Image)),
        MaskImage = Base64(parsed.GetValue(MaskImage)),
        Strength = parsed.GetValue(Strength),
        PromptSyntax = parsed.GetValue(PromptSyntax),
        Determinism = parsed.GetValue(Determinism),
    };

    private static string? Base64(FileInfo? file) => file is null ? null : Convert.ToBase64String(File.ReadAllBytes(file.FullName));
}
