namespace ImageService.Core;

/// <summary>
/// The noise schedulers by name, and the names that diffusers and A1111 give them. The algorithms are in ImageService.Diffusion; the list
/// stands here because the API must refuse a wrong name without loading them.
/// </summary>
public static class SchedulerNames
{
    /// <summary>Every accepted name with what it means, in the order in which lists show them.</summary>
    public static IReadOnlyList<SchedulerName> All { get; } = Build();

    private static readonly Dictionary<string, string> ByAlias = All
        .SelectMany(s => s.Aliases.Append(s.Name).Select(alias => (alias, s.Name)))
        .ToDictionary(p => p.alias, p => p.Name, StringComparer.OrdinalIgnoreCase);

    /// <summary>The canonical name for a name or an alias, in any case; null if there is none.</summary>
    public static string? Canonical(string name) => ByAlias.GetValueOrDefault(name);

    // Each base algorithm: name, diffusers class, A1111 label, which sigma variants diffusers' class has.
    private static List<SchedulerName> Build()
    {
        const bool sigmas = true;
        (string Name, string Class, string? Label, bool HasSigmas)[] bases =
        [
            ("ddim", "DDIMScheduler", "DDIM", false),
            ("ddpm", "DDPMScheduler", null, false),
            ("pndm", "PNDMScheduler", "PLMS", false),
            ("lms", "LMSDiscreteScheduler", "LMS", sigmas),
            ("euler", "EulerDiscreteScheduler", "Euler", sigmas),
            ("euler_a", "EulerAncestralDiscreteScheduler", "Euler a", false),
            ("heun", "HeunDiscreteScheduler", "Heun", sigmas),
            ("dpm2", "KDPM2DiscreteScheduler", "DPM2", sigmas),
            ("dpm2_a", "KDPM2AncestralDiscreteScheduler", "DPM2 a", sigmas),
            ("dpmpp_2m", "DPMSolverMultistepScheduler", "DPM++ 2M", sigmas),
            ("dpmpp_2m_sde", null!, "DPM++ 2M SDE", sigmas),
            ("dpmpp_3m", null!, "DPM++ 3M", sigmas),
            ("dpmpp_3m_sde", null!, "DPM++ 3M SDE", sigmas),
            ("unipc", "UniPCMultistepScheduler", "UniPC", sigmas),
            ("deis", "DEISMultistepScheduler", "DEIS", sigmas),
            ("lcm", "LCMScheduler", "LCM", false),
            ("tcd", "TCDScheduler", "TCD", false),
        ];
        var names = new List<SchedulerName>();
        foreach (var (name, diffusersClass, label, hasSigmas) in bases)
        {
            names.Add(new SchedulerName(name, new[] { diffusersClass, label }.OfType<string>().Where(a => !Same(a, name)).ToArray())
            {
                Label = label,
                ScheduleType = hasSigmas ? "Uniform" : null,
            });
            if (!hasSigmas)
                continue;
            foreach (var type in new[] { "Karras", "Exponential", "Beta" })
            {
                names.Add(new SchedulerName($"{name}_{type.ToLowerInvariant()}", label is null ? [] : [$"{label} {type}"])
                {
                    Label = label,
                    ScheduleType = type,
                });
            }
        }
        return names;
    }

    private static bool Same(string a, string b) => string.Equals(a, b, StringComparison.OrdinalIgnoreCase);
}

/// <param name="Name">Canonical, snake_case.</param>
/// <param name="Aliases">diffusers' class name and A1111's label, where they have one.</param>
public sealed record SchedulerName(string Name, IReadOnlyList<string> Aliases)
{
    /// <summary>A1111's sampler, null where it has none: "DPM++ 2M" for <c>dpmpp_2m</c> and for <c>dpmpp_2m_karras</c>.</summary>
    public string? Label { get; init; }

    /// <summary>
    /// A1111's schedule type for the spacing of the sigmas: "Uniform", "Karras", "Exponential", "Beta"; null where the sampler has but one.
    /// </summary>
    public string? ScheduleType { get; init; }
}
