using System.Collections.Concurrent;
using ImageService.Core;
using ImageService.Diffusion.Noise;

namespace ImageService.Diffusion.Schedulers;

/// <summary>
/// Makes the noise schedulers of one model. A request's scheduler replaces the algorithm and keeps the model's training configuration, as diffusers'
/// <c>from_config</c> does: what the configuration does not name keeps the default of the scheduler's own class. Thread-safe.
/// </summary>
public sealed class SchedulerFactory(SchedulerConfig config)
{
    private static readonly Dictionary<string, Algorithm> Algorithms = new()
    {
        ["ddim"] = new(s => new DdimScheduler(s), TerminalSnr.Zero),
        ["ddpm"] = new(s => new DdpmScheduler(s), TerminalSnr.Zero),
        ["pndm"] = new(s => new PndmScheduler(s), TerminalSnr.AsTrained),
        ["lms"] = new(s => new LmsScheduler(s), TerminalSnr.AsTrained),
        ["euler"] = new(s => new EulerScheduler(s), TerminalSnr.NearZero),
        ["euler_a"] = new(s => new EulerAncestralScheduler(s), TerminalSnr.NearZero),
        ["heun"] = new(s => new HeunScheduler(s), TerminalSnr.AsTrained) { Betas = BetaDefaults.KDiffusion },
        ["dpm2"] = new(s => Dpm2Scheduler.Create(s, ancestral: false), TerminalSnr.AsTrained) { Betas = BetaDefaults.KDiffusion },
        ["dpm2_a"] = new(s => Dpm2Scheduler.Create(s, ancestral: true), TerminalSnr.AsTrained) { Betas = BetaDefaults.KDiffusion },
        ["dpmpp_2m"] = DpmSolver("dpmsolver++", order: 2),
        ["dpmpp_2m_sde"] = DpmSolver("sde-dpmsolver++", order: 2),
        ["dpmpp_3m"] = DpmSolver("dpmsolver++", order: 3),
        ["dpmpp_3m_sde"] = DpmSolver("sde-dpmsolver++", order: 3),
        ["unipc"] = new(s => new UniPcScheduler(s), TerminalSnr.NearZero),
        ["deis"] = new(s => new DeisScheduler(s), TerminalSnr.AsTrained),
        ["lcm"] = new(s => new LcmScheduler(s), TerminalSnr.Zero) { Betas = BetaDefaults.LatentConsistency },
        ["tcd"] = new(s => new TcdScheduler(s), TerminalSnr.Zero) { Betas = BetaDefaults.LatentConsistency },
    };

    private readonly ConcurrentDictionary<(TerminalSnr, BetaDefaults), NoiseSchedule> _schedules = new();

    /// <summary>Makes a scheduler for one picture.</summary>
    /// <param name="name">A name or alias of <see cref="SchedulerNames"/>.</param>
    /// <param name="steps">Steps asked for: 1 to the model's training timesteps, usually 1000.</param>
    /// <param name="length">Floats of the picture's latents.</param>
    /// <param name="noise">The picture's generator; ancestral and stochastic schedulers draw from it at their steps.</param>
    /// <exception cref="ArgumentException">
    /// The name, the step count or the model's configuration is not possible; the message is one sentence naming the field.
    /// </exception>
    public IScheduler Create(string name, int steps, int length, NoiseGenerator noise)
    {
        ArgumentNullException.ThrowIfNull(noise);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        var (algorithm, adjusted) = Resolve(name);
        var schedule = _schedules.GetOrAdd(
            (algorithm.TerminalSnr, algorithm.Betas), key => NoiseSchedule.Create(config, key.Item2, key.Item1));
        if (steps < 1 || steps > schedule.Count)
            throw new ArgumentException($"num_inference_steps must be between 1 and {schedule.Count}, not {steps}.", nameof(steps));
        return algorithm.Make(new SchedulerSetup(adjusted, schedule, steps, length, noise));
    }

    private (Algorithm Algorithm, SchedulerConfig Config) Resolve(string name)
    {
        var canonical = SchedulerNames.Canonical(name) ?? throw new ArgumentException($"There is no scheduler '{name}'.", nameof(name));
        if (Algorithms.TryGetValue(canonical, out var plain))
            return (plain, plain.Adjust(config));
        var split = canonical.LastIndexOf('_');
        var algorithm = Algorithms[canonical[..split]];
        var curve = canonical[(split + 1)..];
        return (algorithm, algorithm.Adjust(config) with
        {
            UseKarrasSigmas = curve == "karras",
            UseExponentialSigmas = curve == "exponential",
            UseBetaSigmas = curve == "beta",
        });
    }

    // The name says the algorithm and its order; a configuration that asks for order 1 keeps it under the name of the second.
    private static Algorithm DpmSolver(string type, int order) => new(s => new DpmSolverScheduler(s), TerminalSnr.NearZero)
    {
        Adjust = c => c with { AlgorithmType = type, SolverOrder = order == 2 && c.SolverOrder == 1 ? 1 : order },
    };

    /// <param name="Make">The scheduler's constructor.</param>
    /// <param name="TerminalSnr">What diffusers' class makes of <c>rescale_betas_zero_snr</c>.</param>
    private sealed record Algorithm(Func<SchedulerSetup, IScheduler> Make, TerminalSnr TerminalSnr)
    {
        /// <summary>Betas of diffusers' class where the configuration names none.</summary>
        public BetaDefaults Betas { get; init; } = BetaDefaults.Ddpm;

        /// <summary>Writes over the configuration what the name itself says.</summary>
        public Func<SchedulerConfig, SchedulerConfig> Adjust { get; init; } = c => c;
    }
}
