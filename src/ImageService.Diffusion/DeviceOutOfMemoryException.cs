namespace ImageService.Diffusion;

/// <summary>A call of the model did not fit into the device's memory. A smaller one may: the model can be used as before.</summary>
public sealed class DeviceOutOfMemoryException : Exception
{
    public DeviceOutOfMemoryException() { }
    public DeviceOutOfMemoryException(string message) : base(message) { }
    public DeviceOutOfMemoryException(string message, Exception inner) : base(message, inner) { }
}
