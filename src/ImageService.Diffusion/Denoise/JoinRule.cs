namespace ImageService.Diffusion.Denoise;

/// <summary>What a <see cref="Batching"/> allows, budgets aside.</summary>
internal static class JoinRule
{
    public static bool IsStatic(this Batching batching) => batching != Batching.Step;

    /// <param name="first">Any member of the batch.</param>
    public static bool MayJoin<T>(this Batching batching, BatchGroup<T> group, T first, T member) where T : class, IBatchMember => batching switch
    {
        Batching.Step => true,
        Batching.Serial => !group.Started && ReferenceEquals(first.Job, member.Job),
        Batching.Equal => !group.Started && first.Schedule == member.Schedule,
        _ => !group.Started,
    };
}
