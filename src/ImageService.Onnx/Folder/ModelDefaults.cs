using ImageService.Core;
using ImageService.Diffusion.Schedulers;

namespace ImageService.Onnx.Folder;

/// <summary>
/// What a request gets that does not say: the folder's own <c>imageservice_defaults</c> in model_index.json
/// (<c>width, height, num_inference_steps, guidance_scale, guidance_rescale, scheduler</c>, each optional), else what suits the family.
/// </summary>
internal sealed record ModelDefaults(int Width, int Height, int Steps, float GuidanceScale, float GuidanceRescale, string Scheduler)
{
    public const string Field = "imageservice_defaults";

    public static ModelDefaults Read(ConfigFile index, string schedulerFile, string id, ModelFamily family, UNetPart unet, int vaeScale, SchedulerConfig scheduler)
    {
        var own = index.Object(Field);
        var multiple = vaeScale << unet.Halvings;
        var (height, width) = unet.SampleSize switch
        {
            [var side] => (side * vaeScale, side * vaeScale),
            [var h, var w] => (h * vaeScale, w * vaeScale),
            _ => family == ModelFamily.StableDiffusionXl ? (1024, 1024) : (512, 512),
        };
        var (steps, guidance) = Pace(index, id, family, unet, scheduler);
        return new ModelDefaults(
            Side(own, "width", multiple) ?? Down(width, multiple),
            Side(own, "height", multiple) ?? Down(height, multiple),
            own?.OptionalInt("num_inference_steps", 1, 1000) ?? steps,
            own?.OptionalFloat("guidance_scale", 0, 100) ?? guidance,
            own?.OptionalFloat("guidance_rescale", 0, 1) ?? 0,
            Named(own) ?? FromClass(scheduler, schedulerFile));
    }

    private static int? Side(ConfigFile? own, string field, int multiple) =>
        own?.OptionalInt(field, multiple, 16_384) is not { } side ? null
        : side % multiple == 0 ? side
        : throw own.Bad(field, $"must be a multiple of {multiple}, not {side}");

    private static int Down(int side, int multiple) => Math.Max(side / multiple, 1) * multiple;

    private static (int Steps, float Guidance) Pace(ConfigFile index, string id, ModelFamily family, UNetPart unet, SchedulerConfig scheduler)
    {
        // A guidance embedding: the U-Net guides itself, and 8.5 is LatentConsistencyModelPipeline's default.
        if (unet.GuidanceSize > 0)
            return (4, 8.5f);
        if (scheduler.ClassName is "LCMScheduler" or "TCDScheduler")
            return (4, 1);
        // Nothing but the name tells a model distilled to few steps from the one it was made of.
        string?[] names = [id, index.OptionalText("_name_or_path"), unet.Config.OptionalText("_name_or_path")];
        if (names.OfType<string>().Any(n => IsDistilled(n)))
            return (4, 1);
        return (30, family == ModelFamily.StableDiffusionXl ? 5 : 7.5f);
    }

    private static bool IsDistilled(string name) =>
        name.Split('-', '_', '.', '/', ' ').Any(w => w.ToLowerInvariant() is "turbo" or "lightning" or "hyper" or "lcm");

    private static string? Named(ConfigFile? own) =>
        own?.OptionalText("scheduler") is not { } name ? null
        : SchedulerNames.Canonical(name) ?? throw own.Bad("scheduler", $"\"{name}\" is not the name of a scheduler");

    // A class that is not among ours may mean another kind of model (flow matching), which would draw noise without a word.
    private static string FromClass(SchedulerConfig scheduler, string file)
    {
        var name = scheduler switch
        {
            { ClassName: "DPMSolverMultistepScheduler", AlgorithmType: "sde-dpmsolver++" } => "dpmpp_2m_sde",
            { ClassName: "DPMSolverMultistepScheduler", SolverOrder: 3 } => "dpmpp_3m",
            _ => SchedulerNames.Canonical(scheduler.ClassName ?? "") ?? throw new ModelFolderException(
                $"{file}: _class_name {(scheduler.ClassName is null ? "is missing" : $"is {scheduler.ClassName}, which is not among the schedulers here")}."),
        };
        var curve = scheduler switch
        {
            { UseKarrasSigmas: true } => "_karras",
            { UseExponentialSigmas: true } => "_exponential",
            { UseBetaSigmas: true } => "_beta",
            _ => "",
        };
        return SchedulerNames.Canonical(name + curve) ?? name;
    }
}
