using System.Text.Json.Nodes;
using ImageService.Tests;

namespace ImageService.Onnx.Tests;

/// <summary>A copy of a tiny model, complete with tokenizer, that a test may damage.</summary>
internal sealed class TemporaryModel : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("imageservice-onnx-").FullName;

    private TemporaryModel(string name) => Path = System.IO.Path.Combine(_root, name);

    public string Path { get; }

    public static TemporaryModel Copy(string name)
    {
        var model = new TemporaryModel(name);
        GoldenFolder.CopyModel(name, model._root);
        return model;
    }

    public string this[string relative] => System.IO.Path.Combine(Path, relative);

    /// <summary>Sets a field of a JSON file; null removes it.</summary>
    public void Set(string file, string field, JsonNode? value)
    {
        var json = JsonNode.Parse(File.ReadAllText(this[file]))!.AsObject();
        if (value is null)
            json.Remove(field);
        else
            json[field] = value;
        File.WriteAllText(this[file], json.ToJsonString());
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);
}
