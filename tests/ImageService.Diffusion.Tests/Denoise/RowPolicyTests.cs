using ImageService.Core;
using ImageService.Diffusion.Denoise;

namespace ImageService.Diffusion.Tests.Denoise;

public sealed class RowPolicyTests
{
    private static readonly BatchKey Small = new("fake", 2, 2, 3);
    private static readonly BatchKey Wide = new("fake", 2, 3, 3);

    [Fact]
    public void A_lowered_budget_holds_for_its_model_and_size_whatever_the_prompts_and_for_no_other()
    {
        var heard = new List<(BatchKey Shape, int Rows)>();
        var policy = new RowPolicy { Budget = _ => 16, Lowered = (shape, rows) => heard.Add((shape, rows)) };

        Assert.Equal(6, policy.Lower(Small, 6));
        Assert.Equal(6, policy.RowsFor(Small with { ContextLength = 6 }));
        Assert.Equal(16, policy.RowsFor(Wide));
        Assert.Equal(16, policy.RowsFor(Small with { Model = "other" }));
        Assert.Equal([(Small, 6)], heard);
    }

    [Fact]
    public void A_budget_is_never_raised_and_never_below_one()
    {
        var heard = 0;
        var policy = new RowPolicy { Budget = shape => shape == Wide ? 4 : 16, Lowered = (_, _) => heard++ };

        policy.Lower(Small, 6);
        Assert.Equal(6, policy.Lower(Small, 12));
        Assert.Equal(4, policy.Lower(Wide, 8));
        Assert.Equal(1, heard);
        Assert.Throws<ArgumentOutOfRangeException>(() => policy.Lower(Small, 0));
    }

    [Fact]
    public void Who_runs_stays_and_nobody_joins_before_enough_have_left()
    {
        var policy = new RowPolicy { Budget = _ => 6, Sizes = [2, 4, 6] };
        var scene = new EngineScene(policy);
        for (var i = 0; i < 4; i++)
            scene.Add(EngineScene.Request(seed: i, steps: 4 + i));
        scene.Run(2);
        Assert.Equal(6, scene.Model.Calls[^1].Rows);
        scene.Model.Calls.Clear();

        policy.Lower(Small, 4);
        scene.Run();

        // The first is done after two more steps, each in two calls; the last one joins when the second is done, too.
        Assert.Equal([4, 2, 4, 2, 4, 4, 2, 2, 2, 2, 2, 2], scene.Model.Calls.Select(c => c.Rows));
    }

    [Fact]
    public void Exact_pictures_keep_their_row_count()
    {
        var policy = new RowPolicy { Budget = _ => 16, ExactRows = 4 };
        policy.Lower(Small, 2);
        var scene = new EngineScene(policy);
        scene.Add(EngineScene.Request(steps: 3) with { Determinism = Determinism.Exact });
        scene.Run();
        Assert.All(scene.Model.Calls, c => Assert.Equal(4, c.Rows));
    }
}
