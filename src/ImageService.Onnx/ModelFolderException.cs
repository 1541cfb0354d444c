namespace ImageService.Onnx;

/// <summary>A model folder cannot be used; the message is one sentence naming the file and the field.</summary>
public sealed class ModelFolderException : Exception
{
    public ModelFolderException() { }
    public ModelFolderException(string message) : base(message) { }
    public ModelFolderException(string message, Exception inner) : base(message, inner) { }
}
