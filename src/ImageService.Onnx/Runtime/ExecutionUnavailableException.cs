namespace ImageService.Onnx.Runtime;

/// <summary>The device that the configuration asks for cannot be used; the message is one sentence that says what is missing.</summary>
public sealed class ExecutionUnavailableException : Exception
{
    public ExecutionUnavailableException() { }
    public ExecutionUnavailableException(string message) : base(message) { }
    public ExecutionUnavailableException(string message, Exception inner) : base(message, inner) { }
}
