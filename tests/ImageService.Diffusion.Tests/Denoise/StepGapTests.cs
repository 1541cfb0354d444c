using ImageService.Diffusion.Denoise;

namespace ImageService.Diffusion.Tests.Denoise;

public sealed class StepGapTests
{
    private readonly StepGap _gap = new();

    public StepGapTests() => _gap.Begin(step: 10, stretch: 1);

    [Fact]
    public void It_has_room_for_one_step_in_sum()
    {
        _gap.Spend(6);
        Assert.True(_gap.HasRoomFor(4));
        Assert.False(_gap.HasRoomFor(4.1));
        Assert.False(_gap.IsTooShortFor(10));
        Assert.True(_gap.IsTooShortFor(10.1));
    }

    [Fact]
    public void What_the_lane_takes_of_the_steps_is_not_there_for_anything_else()
    {
        _gap.LaneBegins();
        Assert.False(_gap.HasRoomFor(0.1)); // it has not been seen beside a step yet
        _gap.Begin(step: 10, stretch: 1.4);
        Assert.True(_gap.HasRoomFor(6));
        Assert.False(_gap.HasRoomFor(6.1));
        _gap.Begin(step: 10, stretch: 2.5);
        Assert.False(_gap.HasRoomFor(0.1));
        Assert.False(_gap.IsTooShortFor(10)); // it comes when the lane is done
        _gap.BesideLane = false;
        Assert.True(_gap.HasRoomFor(10));
    }
}
