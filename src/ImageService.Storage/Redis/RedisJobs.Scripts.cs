namespace ImageService.Storage.Redis;

internal sealed partial class RedisJobs
{
    private static readonly string SubmitScript = RedisScripts.WithLibrary("submit");
    private static readonly string GetScript = RedisScripts.WithLibrary("get");
    private static readonly string ListScript = RedisScripts.WithLibrary("list");
    private static readonly string CancelScript = RedisScripts.WithLibrary("cancel");
    private static readonly string WatchScript = RedisScripts.WithLibrary("watch");
    private static readonly string AnnouncedScript = RedisScripts.WithLibrary("announced");
    private static readonly string AnnounceScript = RedisScripts.WithLibrary("announce");
    private static readonly string DepthScript = RedisScripts.WithLibrary("depth");
    private static readonly string WaitingScript = RedisScripts.WithLibrary("waiting");
    private static readonly string ShapesScript = RedisScripts.WithLibrary("shapes");
    private static readonly string LeaseScript = RedisScripts.WithLibrary("lease");
    private static readonly string RenewScript = RedisScripts.WithLibrary("renew");
    private static readonly string ProgressScript = RedisScripts.WithLibrary("progress");
    private static readonly string PreviewScript = RedisScripts.WithLibrary("preview");
    private static readonly string CompleteScript = RedisScripts.WithLibrary("complete");
    private static readonly string FailScript = RedisScripts.WithLibrary("fail");
    private static readonly string ReleaseScript = RedisScripts.WithLibrary("release");
    private static readonly string ExpireScript = RedisScripts.WithLibrary("expire");
    private static readonly string RemoveScript = RedisScripts.WithLibrary("remove");
    private static readonly string WasRemovedScript = RedisScripts.WithLibrary("was_removed");
}
