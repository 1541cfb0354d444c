namespace ImageService.Diffusion;

/// <summary>The device is gone for this process: whatever is called next fails as well, and only a new process may find it again.</summary>
public sealed class DeviceLostException : Exception
{
    public DeviceLostException() { }
    public DeviceLostException(string message) : base(message) { }
    public DeviceLostException(string message, Exception inner) : base(message, inner) { }
}
