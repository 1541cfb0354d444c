using ImageService.Diffusion.Schedulers;

namespace ImageService.Diffusion.Tests.Schedulers;

public sealed class SigmasTests
{
    // scipy 1.10: scipy.stats.beta.ppf(p, 0.6, 0.6)
    [Theory]
    [InlineData(1e-06, 1.8558824624053043e-10)]
    [InlineData(0.001, 1.855873851745199e-05)]
    [InlineData(0.05263157894736842, 0.013671081564469266)]
    [InlineData(0.1, 0.03958440558878085)]
    [InlineData(0.25, 0.17568037865269498)]
    [InlineData(0.4999, 0.49986127490549975)]
    [InlineData(0.5, 0.5000000000000001)]
    [InlineData(0.75, 0.824319621347305)]
    [InlineData(0.9, 0.9604155944112192)]
    [InlineData(0.999, 0.9999814412614826)]
    public void The_beta_quantile_is_scipys(double probability, double quantile) =>
        Assert.Equal(quantile, BetaQuantile.Of(probability), 1e-12 * quantile);

    [Fact]
    public void A_level_leads_back_to_its_timestep()
    {
        var schedule = NoiseSchedule.Create(TestConfigs.StableDiffusion, BetaDefaults.Ddpm, TerminalSnr.AsTrained);
        foreach (var timestep in new[] { 0.0, 1, 17, 500, 998, 999 })
            Assert.Equal(timestep, Sigmas.ToTimestep(Sigmas.At([timestep], schedule.Sigmas)[0], schedule.LogSigmas), 1e-3);
        Assert.Equal(0, Sigmas.ToTimestep(0, schedule.LogSigmas));
        Assert.Equal(999, Sigmas.ToTimestep(1e6, schedule.LogSigmas));
    }

    [Fact]
    public void Curves_run_from_the_highest_level_to_the_lowest()
    {
        foreach (var curve in new[] { SigmaSpacing.Karras, SigmaSpacing.Exponential, SigmaSpacing.Beta })
        {
            var sigmas = Sigmas.OnCurve(curve, 14.6, 0.03, 30);
            Assert.Equal(14.6, sigmas[0], 1e-9);
            Assert.Equal(0.03, sigmas[^1], 1e-9);
            Assert.Equal(sigmas.OrderDescending(), sigmas);
            Assert.Equal([14.6], Sigmas.OnCurve(curve, 14.6, 0.03, 1).Select(s => Math.Round(s, 9)));
        }
    }

    [Fact]
    public void Zero_terminal_snr_ends_in_noise_alone()
    {
        var config = TestConfigs.StableDiffusion with { RescaleBetasZeroSnr = true };
        Assert.Equal(0, NoiseSchedule.Create(config, BetaDefaults.Ddpm, TerminalSnr.Zero).AlphasCumprod[^1]);
        Assert.Equal(4096, NoiseSchedule.Create(config, BetaDefaults.Ddpm, TerminalSnr.NearZero).Sigmas[^1], 1e-2);
        Assert.Equal(14.61, NoiseSchedule.Create(config, BetaDefaults.Ddpm, TerminalSnr.AsTrained).Sigmas[^1], 1e-2);
    }

    [Fact]
    public void Trained_betas_replace_the_curve()
    {
        var schedule = NoiseSchedule.Create(new SchedulerConfig { TrainedBetas = [0.1f, 0.2f] }, BetaDefaults.Ddpm, TerminalSnr.AsTrained);
        Assert.Equal([0.9f, 0.72f], schedule.AlphasCumprod.ToArray().Select(a => MathF.Round(a, 6)));
    }

    // torch: betas_for_alpha_bar(1000)
    [Fact]
    public void The_cosine_schedule_is_capped()
    {
        var betas = NoiseSchedule.Create(new SchedulerConfig { BetaSchedule = "squaredcos_cap_v2" }, BetaDefaults.Ddpm, TerminalSnr.AsTrained).Betas;
        Assert.Equal(4.128e-5f, betas[0], 1e-8f);
        Assert.Equal(0.999f, betas[^1]);
    }
}
