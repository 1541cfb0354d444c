namespace ImageService.Diffusion.Schedulers;

/// <summary>The order in which PNDM evaluates the U-Net (Liu et al. 2022, algorithm 2), from timesteps in descending order.</summary>
internal static class PndmTimesteps
{
    /// <summary>PLMS: the second timestep twice, since the first step is taken again when its end is known.</summary>
    public static IEnumerable<float> RepeatedSecond(double[] spaced)
    {
        for (var i = 0; i < spaced.Length; i++)
        {
            yield return (float)spaced[i];
            if (i == 1)
                yield return (float)spaced[i];
        }
    }

    /// <summary>Three Runge-Kutta steps of four evaluations (begin, middle, middle, end), then the rest.</summary>
    public static IEnumerable<float> RungeKutta(double[] spaced, int half)
    {
        for (var i = 0; i < 3; i++)
        {
            yield return (float)spaced[i];
            yield return (float)spaced[i + 1] + half;
            yield return (float)spaced[i + 1] + half;
            yield return (float)spaced[i + 1];
        }
        foreach (var timestep in spaced.Skip(3))
            yield return (float)timestep;
    }
}
