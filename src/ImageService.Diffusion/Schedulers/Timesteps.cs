namespace ImageService.Diffusion.Schedulers;

/// <summary>
/// The timesteps of a run, descending, as each group of diffusers' classes lays them (Lin et al. 2023, table 2). They are computed in double as
/// numpy does, since rounding decides which training timestep is taken.
/// </summary>
internal static class Timesteps
{
    /// <summary>DDIM, DDPM, PNDM: whole timesteps.</summary>
    public static double[] Whole(TimestepSpacing spacing, int trainSteps, int steps, int offset)
    {
        var timesteps = Fractional(spacing, trainSteps, steps, offset);
        for (var i = 0; i < timesteps.Length; i++)
            timesteps[i] = Math.Min(Math.Round(timesteps[i]), trainSteps - 1);
        return timesteps;
    }

    /// <summary>The k-diffusion family (Euler, Heun, LMS, DPM2): linspace is not rounded.</summary>
    public static double[] Fractional(TimestepSpacing spacing, int trainSteps, int steps, int offset) => spacing switch
    {
        TimestepSpacing.Leading => Leading(trainSteps / steps, steps, offset),
        TimestepSpacing.Trailing => Trailing(trainSteps, trainSteps, steps),
        _ => Linspace(trainSteps - 1, steps),
    };

    /// <summary>The multistep solvers (DPM++, UniPC, DEIS): leading and linspace leave out timestep 0, which the last update reaches.</summary>
    /// <param name="last">Training timesteps that may be used: fewer than all where <c>lambda_min_clipped</c> cuts off the noisiest.</param>
    public static double[] Multistep(TimestepSpacing spacing, int trainSteps, int last, int steps, int offset) => spacing switch
    {
        TimestepSpacing.Leading when last <= steps => throw new ArgumentException(
            $"num_inference_steps must be at most {last - 1} for a multistep solver with leading spacing, not {steps}."),
        TimestepSpacing.Leading => Leading(last / (steps + 1), steps, offset + last / (steps + 1)),
        TimestepSpacing.Trailing => Trailing(last, trainSteps, steps),
        _ => Array.ConvertAll(Linspace(last - 1, steps + 1)[..^1], Math.Round),
    };

    private static double[] Leading(int ratio, int steps, int offset)
    {
        var timesteps = new double[steps];
        for (var i = 0; i < steps; i++)
            timesteps[i] = (double)(steps - 1 - i) * ratio + offset;
        return timesteps;
    }

    // numpy.arange(last, 0, -trainSteps / steps).round() - 1. Where its division is inexact arange gives one element too many, and that timestep would
    // be -1: it is left out.
    private static double[] Trailing(int last, int trainSteps, int steps)
    {
        var stride = -(trainSteps / (double)steps);
        var delta = last + stride - last;
        var timesteps = new List<double>(steps);
        for (var i = 0; i < Math.Ceiling(-last / stride); i++)
        {
            var timestep = Math.Round(last + i * delta) - 1;
            if (timestep >= 0)
                timesteps.Add(timestep);
        }
        return [.. timesteps];
    }

    // numpy.linspace(0, top, count) reversed; a single element is 0.
    private static double[] Linspace(int top, int count)
    {
        var stride = top / (double)Math.Max(count - 1, 1);
        var timesteps = new double[count];
        for (var i = 0; i < count; i++)
            timesteps[count - 1 - i] = i * stride;
        if (count > 1)
            timesteps[0] = top;
        return timesteps;
    }
}
