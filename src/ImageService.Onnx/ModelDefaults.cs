using ImageService.Core;
using ImageService.Diffusion.Schedulers;

namespace ImageService.Onnx;

/// <summary>
/// What a request gets that leaves a choice to the model: <c>imageservice_defaults</c> of <c>model_index.json</c> where it is there, else what its family
/// is usually drawn with (the defaults of diffusers' pipelines).
/// </summary>
internal sealed record ModelDefaults(int Width, int Height, int Steps, float GuidanceScale, float GuidanceRescale, string Scheduler)
{
    public static ModelDefaults Read(
        JsonFile index, JsonFile unet, SchedulerConfig scheduler, ModelFamily family, int vaeScale, int multiple, int maxSide)
    {
        var own = index.Object("imageservice_defaults");
        var side = (unet.Integer("sample_size", 1, maxSide / vaeScale) ?? 64) * vaeScale;
        var schedulerName = own?.String("scheduler") is { } named
            ? SchedulerNames.Canonical(named) ?? throw new ModelFolderException($"{own.Path}: 'scheduler' must be a known scheduler, not {named}.")
            : NameOf(scheduler, unet);
        // Consistency models take their guidance as an embedding; turbo models are named so and take none.
        var consistency = schedulerName is "lcm" or "tcd";
        var turbo = (index.String("_name_or_path") ?? System.IO.Path.GetFileName(System.IO.Path.GetDirectoryName(index.Path))!).Contains("turbo", StringComparison.OrdinalIgnoreCase);
        var (steps, guidance) = consistency ? (4, unet.Integer("time_cond_proj_dim", 1, 65_536) is null ? 1f : 8.5f)
            : turbo ? (4, 0f)
            : (30, family == ModelFamily.StableDiffusionXl ? 5f : 7.5f);
        return new ModelDefaults(
            Side(own, "width"), Side(own, "height"),
            own?.Integer("num_inference_steps", 1, 1000) ?? steps,
            own?.Number("guidance_scale", 0, 100) ?? guidance,
            own?.Number("guidance_rescale", 0, 1) ?? 0,
            schedulerName);

        int Side(JsonFile? from, string name) => from?.Integer(name, multiple, maxSide) is not { } value ? Math.Max(multiple, side / multiple * multiple)
            : value % multiple == 0 ? value : throw new ModelFolderException($"{from.Path}: '{name}' must be a multiple of {multiple}.");
    }

    private static string NameOf(SchedulerConfig config, JsonFile unet)
    {
        if (unet.Integer("time_cond_proj_dim", 1, 65_536) is not null)
            return "lcm";
        var name = config.ClassName switch
        {
            null => throw new ModelFolderException("scheduler/scheduler_config.json lacks '_class_name'."),
            "DPMSolverMultistepScheduler" when config.AlgorithmType is "sde-dpmsolver++" => "dpmpp_2m_sde",
            "DPMSolverMultistepScheduler" when config.SolverOrder == 3 => "dpmpp_3m",
            var other => SchedulerNames.Canonical(other) ?? throw new ModelFolderException(
                $"scheduler/scheduler_config.json: '_class_name' is {other}, which is none of the known schedulers."),
        };
        var variant = config.UseKarrasSigmas == true ? "_karras" : config.UseExponentialSigmas == true ? "_exponential" : config.UseBetaSigmas == true ? "_beta" : "";
        return SchedulerNames.Canonical(name + variant) ?? name;
    }
}
