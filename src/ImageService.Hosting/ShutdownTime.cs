namespace ImageService.Hosting;

public static class ShutdownTime
{
    /// <summary>
    /// The host gives up on a stop no sooner than this, unless DOTNET_SHUTDOWNTIMEOUTSECONDS says when: then that is the operator's word.
    /// </summary>
    public static void AtLeast(this HostOptions host, TimeSpan time, IConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(host);
        ArgumentNullException.ThrowIfNull(configuration);
        if (string.IsNullOrEmpty(configuration["shutdownTimeoutSeconds"]) && host.ShutdownTimeout < time)
            host.ShutdownTimeout = time;
    }
}
