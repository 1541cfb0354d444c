namespace ImageService.Core.Tests;

public sealed class RequestCostTests
{
    [Theory]
    [InlineData("euler", 7.5f, 1, 1f, 2 * 20 * 4096)]
    [InlineData("euler", 1f, 1, 1f, 20 * 4096)]
    [InlineData("euler", 7.5f, 3, 1f, 3 * 2 * 20 * 4096)]
    [InlineData("euler", 7.5f, 1, 0.5f, 2 * 10 * 4096)]
    [InlineData("euler", 7.5f, 1, 0.01f, 2 * 4096)]
    [InlineData("heun_karras", 7.5f, 1, 1f, 2 * 40 * 4096)]
    [InlineData("dpm2_a", 7.5f, 1, 1f, 2 * 40 * 4096)]
    [InlineData("dpmpp_2m", 7.5f, 1, 1f, 2 * 20 * 4096)]
    public void It_is_rows_times_steps_times_latent_pixels(string scheduler, float guidance, int images, float strength, long cost) =>
        Assert.Equal(cost, RequestCost.Of(Requests.Of(512, 512) with { Scheduler = scheduler, GuidanceScale = guidance, NumImages = images, Strength = strength }));

    [Fact]
    public void Rows_and_steps_multiply_to_it()
    {
        var request = Requests.Of(64, 128) with { NumImages = 3 };
        Assert.Equal(RequestCost.Of(request), RequestCost.AllRows(request) * RequestCost.Steps(request) * RequestCost.OfRow(64, 128));
    }
}

internal static class Requests
{
    /// <summary>20 guided steps of one picture.</summary>
    public static GenerationRequest Of(int width, int height) => new()
    {
        Model = "m",
        Prompt = "a red apple",
        Width = width,
        Height = height,
        NumInferenceSteps = 20,
        GuidanceScale = 7.5f,
        Scheduler = "euler",
        Seed = 1,
    };
}
