namespace ImageService.Diffusion.Denoise;

/// <summary>
/// Whether a picture that finds no free rows may have those of a running one, which is paused at the step boundary and goes on later where it stood.
/// Nobody starves: a picture is paused at most <see cref="MostPauses"/> times, one of a group at a time, and nobody joins its group before it is back.
/// </summary>
internal static class PauseRule
{
    private const int MostPauses = 2;

    // A picture that makes room for another is held up by at most this share of what it still has to do.
    private const int TimesShorter = 4;

    /// <summary>A client may put its own urgent work first, and only that; another's passes if it is much shorter than what is left of the running one.</summary>
    public static bool MayPass<T>(T waiting, T running) where T : class, IBatchMember
    {
        if (waiting.Pauses > 0 || running.Pauses >= MostPauses)
            return false;
        var (wants, has) = (waiting.Charge, running.Charge);
        return wants.Client == has.Client ? wants.Priority > has.Priority : wants.Cost * TimesShorter <= has.Cost;
    }
}
