using ImageService.Diffusion.Noise;
using ImageService.Diffusion.Schedulers;

namespace ImageService.Diffusion.Tests.Schedulers;

public sealed class SchedulerFactoryTests
{
    private static IScheduler Create(string name, int steps, Func<SchedulerConfig, SchedulerConfig>? change = null) =>
        new SchedulerFactory((change ?? (c => c))(TestConfigs.StableDiffusion)).Create(name, steps, 64, new Mt19937Generator(0));

    private static void Refuses(string sentence, string name, int steps, Func<SchedulerConfig, SchedulerConfig>? change = null)
    {
        var refused = Assert.ThrowsAny<ArgumentException>(() => Create(name, steps, change));
        Assert.StartsWith(sentence, refused.Message);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(1001)]
    public void Refuses_step_counts_outside_1_to_1000(int steps) =>
        Refuses($"num_inference_steps must be between 1 and 1000, not {steps}.", "euler", steps);

    [Theory]
    [InlineData("lcm")]
    [InlineData("tcd")]
    public void Refuses_more_steps_than_the_model_was_distilled_to(string name)
    {
        Refuses("num_inference_steps must be between 1 and 50 (original_inference_steps) for the schedulers lcm and tcd, not 51.", name, 51);
        Assert.Equal(51, Create(name, 51, c => c with { OriginalInferenceSteps = 100 }).StepCount);
    }

    [Fact]
    public void Refuses_what_it_does_not_know()
    {
        Refuses("There is no scheduler 'dpmpp_9m'.", "dpmpp_9m", 10);
        Refuses("prediction_type must be epsilon, v_prediction or sample, not 'flow'.", "ddim", 10, c => c with { PredictionType = "flow" });
        Refuses("timestep_spacing must be leading, trailing or linspace, not 'karras'.", "euler", 10, c => c with { TimestepSpacing = "karras" });
        Refuses("beta_schedule must be linear, scaled_linear or squaredcos_cap_v2, not 'sine'.", "heun", 10, c => c with { BetaSchedule = "sine" });
        Refuses("final_sigmas_type must be zero or sigma_min, not 'one'.", "unipc", 10, c => c with { FinalSigmasType = "one" });
        Refuses("solver_order must be 1, 2 or 3, not 4.", "deis", 10, c => c with { SolverOrder = 4 });
        Refuses("variance_type must be fixed_small or fixed_large, not 'learned'.", "ddpm", 10, c => c with { VarianceType = "learned" });
        Refuses("prediction_type must be epsilon or v_prediction for the scheduler pndm, not sample.", "pndm", 10, c => c with { PredictionType = "sample" });
        Refuses("num_inference_steps must be at least 4 for the scheduler pndm with Runge-Kutta steps, not 3.", "pndm", 3);
        Refuses(
            "num_inference_steps must be at most 999 for a multistep solver with leading spacing, not 1000.",
            "dpmpp_2m",
            1000,
            c => c with { TimestepSpacing = "leading" });
    }

    [Theory]
    [InlineData("Euler a", "euler_a")]
    [InlineData("eulerdiscretescheduler", "euler")]
    [InlineData("DPM++ 2M Karras", "dpmpp_2m_karras")]
    [InlineData("DPM++ 3M SDE Exponential", "dpmpp_3m_sde_exponential")]
    public void Takes_the_names_of_diffusers_and_A1111(string alias, string name)
    {
        var (a, b) = (Create(alias, 10), Create(name, 10));
        Assert.Equal(a.GetType(), b.GetType());
        Assert.Equal(a.Timestep(5), b.Timestep(5));
    }

    [Fact]
    public void What_the_model_does_not_say_is_the_default_of_the_scheduler()
    {
        Assert.Equal(900, Create("ddim", 10).Timestep(0)); // leading
        Assert.Equal(999, Create("euler", 10).Timestep(0)); // linspace
    }

    [Fact]
    public void What_the_model_says_is_kept_by_every_scheduler()
    {
        foreach (var name in new[] { "ddim", "euler", "dpmpp_2m", "unipc", "heun", "lms", "ddpm", "pndm", "deis" })
            Assert.Equal(999, Create(name, 10, c => c with { TimestepSpacing = "trailing", SkipPrkSteps = true }).Timestep(0));
    }

    [Fact]
    public void A_curve_in_the_name_replaces_the_one_of_the_model()
    {
        var exponential = Create("euler_exponential", 10, c => c with { UseKarrasSigmas = true });
        Assert.Equal(Create("euler_exponential", 10).Timestep(5), exponential.Timestep(5));
        var karras = Create("euler", 10, c => c with { UseKarrasSigmas = true });
        Assert.Equal(Create("euler_karras", 10).Timestep(5), karras.Timestep(5));
    }

    [Theory]
    [InlineData("""{"_class_name": "PNDMScheduler"}""", "pndm")]
    [InlineData("""{"_class_name": "EulerAncestralDiscreteScheduler"}""", "euler_a")]
    [InlineData("""{"_class_name": "DPMSolverMultistepScheduler", "use_karras_sigmas": true}""", "dpmpp_2m_karras")]
    [InlineData("""{"_class_name": "DPMSolverMultistepScheduler", "algorithm_type": "sde-dpmsolver++", "solver_order": 3}""", "dpmpp_3m_sde")]
    [InlineData("""{"_class_name": "LCMScheduler", "use_karras_sigmas": true}""", "lcm")]
    [InlineData("""{"_class_name": "FlowMatchEulerDiscreteScheduler"}""", null)]
    [InlineData("""{"_class_name": null}""", null)]
    public void A_configuration_names_its_own_scheduler(string json, string? name) =>
        Assert.Equal(name, SchedulerConfig.Parse(json).SchedulerName);

    [Theory]
    [InlineData("euler", 10, 1f, 0)]
    [InlineData("euler", 10, 0.75f, 3)]
    [InlineData("euler", 10, 0.7f, 3)] // 0.7 * 10 is 7, although 0.7f * 10 is a little less
    [InlineData("ddim", 10, 0.3f, 7)]
    [InlineData("ddim", 20, 0.05f, 19)]
    [InlineData("heun", 10, 0.75f, 6)]
    [InlineData("dpm2_a", 10, 0.3f, 14)]
    [InlineData("dpmpp_2m_karras", 4, 0.6f, 2)]
    public void Image_to_image_enters_where_diffusers_does(string name, int steps, float strength, int start) =>
        Assert.Equal(start, Create(name, steps).StartStep(strength));

    [Theory]
    [InlineData(0f)]
    [InlineData(-0.5f)]
    [InlineData(1.5f)]
    [InlineData(float.NaN)]
    [InlineData(0.09f)]
    public void Refuses_a_strength_that_leaves_no_step(float strength)
    {
        var refused = Assert.ThrowsAny<ArgumentException>(() => Create("euler", 10).StartStep(strength));
        Assert.StartsWith("strength must be at most 1 and leave at least one of the 10 steps: at least 0.1", refused.Message);
    }
}
