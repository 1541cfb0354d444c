namespace ImageService.Core.Tests;

public sealed class SchedulerNamesTests
{
    [Theory]
    [InlineData("euler", "euler")]
    [InlineData("Euler a", "euler_a")]
    [InlineData("EulerAncestralDiscreteScheduler", "euler_a")]
    [InlineData("DPM++ 2M Karras", "dpmpp_2m_karras")]
    [InlineData("dpm++ 2m karras", "dpmpp_2m_karras")]
    [InlineData("DPMPP_2M", "dpmpp_2m")]
    [InlineData("DPMSolverMultistepScheduler", "dpmpp_2m")]
    [InlineData("PLMS", "pndm")]
    [InlineData("DDIM", "ddim")]
    [InlineData("LCM", "lcm")]
    public void A_name_or_alias_in_any_case_means_its_scheduler(string name, string expected) => Assert.Equal(expected, SchedulerNames.Canonical(name));

    [Theory]
    [InlineData("")]
    [InlineData("eular")]
    [InlineData("ddim_karras")]
    [InlineData(" euler")]
    public void Other_names_mean_none(string name) => Assert.Null(SchedulerNames.Canonical(name));

    [Fact]
    public void Every_name_means_itself_and_stands_once()
    {
        Assert.Equal(SchedulerNames.All.Count, SchedulerNames.All.DistinctBy(s => s.Name).Count());
        Assert.All(SchedulerNames.All, s => Assert.Equal(s.Name, SchedulerNames.Canonical(s.Name)));
        Assert.All(SchedulerNames.All.SelectMany(s => s.Aliases), a => Assert.NotNull(SchedulerNames.Canonical(a)));
    }

    [Theory]
    [InlineData("ddim")]
    [InlineData("ddpm")]
    [InlineData("pndm")]
    [InlineData("lms")]
    [InlineData("euler")]
    [InlineData("euler_a")]
    [InlineData("heun")]
    [InlineData("dpm2")]
    [InlineData("dpm2_a")]
    [InlineData("dpmpp_2m")]
    [InlineData("dpmpp_2m_sde")]
    [InlineData("dpmpp_3m")]
    [InlineData("unipc")]
    [InlineData("deis")]
    [InlineData("lcm")]
    [InlineData("tcd")]
    public void Every_algorithm_is_in_the_list(string name) => Assert.Contains(SchedulerNames.All, s => s.Name == name);
}
