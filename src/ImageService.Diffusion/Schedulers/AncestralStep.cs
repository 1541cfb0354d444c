namespace ImageService.Diffusion.Schedulers;

/// <summary>
/// How an ancestral step from one noise level to the next is split: down to a lower level without noise, then up by fresh noise, so that the
/// variances add up to the next level's and the fresh share is that of the posterior (Ho et al. 2020, equation 7, in sigma form).
/// </summary>
internal static class AncestralStep
{
    public static (float Down, float Up) Split(float from, float to)
    {
        var up = MathF.Sqrt(to * to * (from * from - to * to) / (from * from));
        return (MathF.Sqrt(to * to - up * up), up);
    }
}
