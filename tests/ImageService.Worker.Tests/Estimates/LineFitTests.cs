namespace ImageService.Worker.Tests.Estimates;

public sealed class LineFitTests
{
    [Fact]
    public void Points_on_a_line_give_the_line()
    {
        var fit = new LineFit(0.99);
        foreach (var x in new[] { 2, 4, 4, 8, 16, 2 })
            fit.Add(x, 0.3 + (0.05 * x));
        AssertFit(0.3, 0.05, fit);
    }

    [Fact]
    public void Points_at_one_place_give_the_line_through_the_origin()
    {
        var fit = new LineFit(0.99);
        foreach (var y in new[] { 0.9, 1.1, 1.0 })
            fit.Add(10, y);
        Assert.Equal(0, fit.Fit().Constant);
        Assert.Equal(0.1, fit.Fit().Slope, 0.001);
    }

    [Fact]
    public void Neither_part_is_negative()
    {
        var falling = new LineFit(1);
        falling.Add(1, 3);
        falling.Add(2, 1);
        AssertFit(2, 0, falling);
        var steep = new LineFit(1);
        steep.Add(10, 1);
        steep.Add(20, 5);
        AssertFit(0, 0.2, steep);
    }

    [Fact]
    public void What_was_long_ago_is_forgotten()
    {
        var fit = new LineFit(0.9);
        for (var i = 0; i < 200; i++)
            fit.Add(1 + (i % 3), i < 100 ? 7 : 0.5 + (0.25 * (1 + (i % 3))));
        AssertFit(0.5, 0.25, fit, 0.01);
    }

    private static void AssertFit(double constant, double slope, LineFit fit, double tolerance = 1e-9)
    {
        Assert.Equal(constant, fit.Fit().Constant, tolerance);
        Assert.Equal(slope, fit.Fit().Slope, tolerance);
    }
}
