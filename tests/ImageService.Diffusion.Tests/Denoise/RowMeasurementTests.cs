using ImageService.Benchmarks.Simulation;
using ImageService.Diffusion.Denoise;
using ImageService.Testing;

namespace ImageService.Diffusion.Tests.Denoise;

/// <summary>On a clock that only the device turns.</summary>
public sealed class RowMeasurementTests : IDisposable
{
    private static readonly BatchKey Shape = new("fake", 2, 2, FakeDiffusionModel.ContextLength);
    private readonly VirtualTime _time = new();
    private readonly FakeDiffusionModel _model = new();

    public void Dispose() => _model.Dispose();

    [Fact]
    public void It_ends_with_the_last_count_that_made_a_row_cheaper()
    {
        var found = Measure(rows => DeviceCosts.H100.Call(rows));

        Assert.Equal((16, MeasuredEnd.NoCheaper), (found.Rows, found.End));
        Assert.Equal([2, 4, 8, 16, 32], found.Calls.Select(c => c.Rows));
        Assert.Equal(0.04419, found.Calls[3].Seconds, 1e-9);
    }

    [Fact]
    public void Where_each_row_costs_the_same_the_fewest_are_enough()
    {
        var found = Measure(rows => 40 * rows);
        Assert.Equal((2, MeasuredEnd.NoCheaper, 2), (found.Rows, found.End, found.Calls.Count));
    }

    [Fact]
    public void It_goes_no_further_than_it_may()
    {
        var found = Measure(_ => 10, maxRows: 24);
        Assert.Equal((16, MeasuredEnd.MaxRows), (found.Rows, found.End));
    }

    [Fact]
    public void A_call_that_does_not_fit_ends_it_with_the_last_that_did()
    {
        var found = Measure(rows => rows <= 8 ? 10 : throw new InvalidOperationException("out of memory"));
        Assert.Equal((8, MeasuredEnd.CallFailed, "out of memory"), (found.Rows, found.End, found.Failure?.Message));
    }

    [Fact]
    public void A_device_that_can_do_nothing_gives_no_rows()
    {
        var found = Measure(_ => throw new InvalidOperationException("lost"));
        Assert.Equal((0, MeasuredEnd.CallFailed), (found.Rows, found.End));
        Assert.Empty(found.Calls);
    }

    [Fact]
    public void The_first_call_of_a_count_is_not_counted()
    {
        var seen = new HashSet<int>();
        var found = Measure(rows => seen.Add(rows) ? 500 : DeviceCosts.H100.Call(rows), seconds: 60);
        Assert.Equal(16, found.Rows);
    }

    [Fact]
    public void It_keeps_to_its_time_and_says_so()
    {
        var found = Measure(rows => 100 + rows, seconds: 1.5);
        Assert.Equal(MeasuredEnd.OutOfTime, found.End);
        Assert.InRange(_time.Seconds, 0, 1.5);
        Assert.True(found.Rows >= 4);
    }

    [Fact]
    public void One_picture_is_decoded_beside_the_largest_call_and_in_time()
    {
        var decoded = 0;
        _model.OnDecode = () => decoded++;
        Measure(rows => DeviceCosts.H100.Call(rows));
        Assert.Equal(1, decoded);
        Measure(_ => 1000, seconds: 1);
        Assert.Equal(1, decoded);
    }

    private MeasuredRows Measure(Func<int, double> milliseconds, int maxRows = 32, double seconds = 10)
    {
        _model.OnPredict = batch => _time.Advance(milliseconds(batch.Rows) / 1000);
        return RowMeasurement.Measure(_model, Shape, maxRows, TimeSpan.FromSeconds(seconds), _time);
    }
}
