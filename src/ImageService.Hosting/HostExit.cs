namespace ImageService.Hosting;

/// <summary>What the process will answer when it ends by itself; a service of the host that <see cref="HostProgram"/> runs.</summary>
public sealed class HostExit
{
    private int _code = HostProgram.Ended;

    /// <summary>As <see cref="HostProgram"/> names them. Any thread.</summary>
    public int Code
    {
        get => Volatile.Read(ref _code);
        set => Volatile.Write(ref _code, value);
    }
}
