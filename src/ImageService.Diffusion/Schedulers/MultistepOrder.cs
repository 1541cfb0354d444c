namespace ImageService.Diffusion.Schedulers;

/// <summary>The order of a multistep update: it grows with the outputs held and falls at the end of a run.</summary>
/// <param name="highest">The solver's order.</param>
/// <param name="steps">Steps of the run.</param>
/// <param name="lowerFinal"><c>lower_order_final</c>: in runs of fewer than 15 steps the last two are of order 2 and 1, which keeps short runs stable.</param>
/// <param name="firstFinal">The last step is of order 1 in any case.</param>
internal sealed class MultistepOrder(int highest, int steps, bool lowerFinal, bool firstFinal)
{
    private const int FewSteps = 15;

    public int Highest => highest;

    /// <param name="held">Outputs held, the step's own included.</param>
    public int At(int step, int held)
    {
        var lower = lowerFinal && steps < FewSteps;
        var limit = step == steps - 1 && (firstFinal || lower) ? 1
            : step == steps - 2 && lower ? 2
            : highest;
        return Math.Min(limit, held);
    }

    public static int Read(SchedulerConfig config) => config.SolverOrder switch
    {
        null => 2,
        >= 1 and <= 3 and var order => order,
        var other => throw new ArgumentException($"solver_order must be 1, 2 or 3, not {other}."),
    };
}
