using ImageService.Diffusion.Denoise;
using ImageService.Testing;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;

namespace ImageService.Worker.Tests;

public sealed class RowBudgetsTests
{
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void Unmeasured_it_is_what_suits_the_device()
    {
        Assert.Equal(8, Budgets(new EngineOptions()).For("fake", 512, 512));
        Assert.Equal(16, Budgets(new EngineOptions(), provider: "cuda").For("fake", 512, 512));
    }

    [Fact]
    public void What_is_configured_for_a_size_holds_for_it_upright_and_lying_and_for_no_other()
    {
        var budgets = Budgets(new EngineOptions { MaxRows = 6, RowBudgets = { ["512x768"] = "20" } });
        Assert.Equal([20, 20, 6], [budgets.For("fake", 512, 768), budgets.For("fake", 768, 512), budgets.For("fake", 512, 512)]);
    }

    [Fact]
    public void A_model_is_measured_at_its_own_size_and_others_follow_by_their_pixels()
    {
        var budgets = Budgets(new EngineOptions());
        budgets.Learn(Device(rows => rows <= 8 ? 10 : 1.25 * rows), idle: true, _time);

        Assert.Equal(8, budgets.For("fake", 16, 16));
        Assert.Equal(4, budgets.For("fake", 16, 32));
        Assert.Equal(3, budgets.For("fake", 24, 24));
        Assert.Equal(2, budgets.For("fake", 64, 64));
        Assert.Equal(32, budgets.For("fake", 8, 8));
        // In latents, as the engine asks.
        Assert.Equal(4, budgets.Policy.RowsFor(new BatchKey("fake", 4, 2, 77)));
    }

    [Fact]
    public void Where_rows_cost_the_same_in_any_call_two_pictures_still_share_one()
    {
        var budgets = Budgets(new EngineOptions());
        budgets.Learn(Device(rows => 5 * rows), idle: true, _time);
        Assert.Equal(4, budgets.For("fake", 16, 16));
    }

    [Fact]
    public void Nothing_is_measured_where_it_is_configured_switched_off_or_would_hold_up_others()
    {
        EngineOptions[] configured = [new() { MaxRows = 6 }, new() { MeasureSeconds = 0 }, new() { RowBudgets = { ["16x16"] = "12" } }];
        foreach (var options in configured)
            Assert.Empty(CallsOfLearning(options, idle: true));
        Assert.Empty(CallsOfLearning(new EngineOptions(), idle: false));
        Assert.NotEmpty(CallsOfLearning(new EngineOptions(), idle: true));
    }

    [Fact]
    public void A_model_that_comes_back_into_memory_is_not_measured_again()
    {
        var budgets = Budgets(new EngineOptions());
        budgets.Learn(Device(rows => 5 * rows), idle: true, _time);
        var again = Device(rows => 5 * rows);
        budgets.Learn(again, idle: true, _time);
        Assert.Empty(again.Calls);
    }

    [Fact]
    public void A_search_that_runs_out_of_time_does_not_go_below_the_usual()
    {
        var budgets = Budgets(new EngineOptions { MeasureSeconds = 0.1 }, provider: "cuda");
        budgets.Learn(Device(rows => 20 + rows), idle: true, _time);
        Assert.Equal(16, budgets.For("fake", 16, 16));
    }

    [Fact]
    public void Memory_that_ends_early_is_believed()
    {
        var budgets = Budgets(new EngineOptions());
        budgets.Learn(Device(rows => rows <= 2 ? 10 : throw new InvalidOperationException("out of memory")), idle: true, _time);
        Assert.Equal(2, budgets.For("fake", 16, 16));
    }

    [Fact]
    public void A_lowered_budget_counts_for_leasing_too()
    {
        var budgets = Budgets(new EngineOptions { MaxRows = 16 });
        budgets.Learn(Device(rows => rows), idle: true, _time);
        budgets.Policy.Lower(new BatchKey("fake", 2, 2, 77), 6);

        Assert.Equal(6, budgets.For("fake", 16, 16));
        Assert.Equal(16, budgets.For("fake", 24, 24));
    }

    private List<(BatchKey Key, int Rows, long ConditioningVersion)> CallsOfLearning(EngineOptions options, bool idle)
    {
        var model = Device(rows => rows);
        Budgets(options).Learn(model, idle, _time);
        return model.Calls;
    }

    /// <param name="milliseconds">Of a call, by its rows.</param>
    private FakeDiffusionModel Device(Func<int, double> milliseconds) =>
        new() { OnPredict = batch => _time.Advance(TimeSpan.FromMilliseconds(milliseconds(batch.Rows))) };

    private static RowBudgets Budgets(EngineOptions options, string provider = "cpu") =>
        new(Options.Create(options), Models(provider), NullLogger<RowBudgets>.Instance);

    private static WorkerModels Models(string provider) => new([new FakeDiffusionModel().Info.Description], _ => new FakeDiffusionModel(), provider);
}
