using System.Text.Json.Nodes;

namespace ImageService.Onnx.Tests;

/// <summary>A copy of a tiny model, complete with tokenizer, that a test may damage.</summary>
internal sealed class TemporaryModel : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("imageservice-onnx-").FullName;

    private TemporaryModel(string name) => Path = System.IO.Path.Combine(_root, name);

    public string Path { get; }

    public static TemporaryModel Copy(string name)
    {
        var source = GoldenFiles.Shared(name);
        var tokenizer = GoldenFiles.Shared("tokenizer");
        var model = new TemporaryModel(name);
        CopyFolder(source, model.Path);
        CopyFolder(tokenizer, model["tokenizer"]);
        if (Directory.Exists(model["text_encoder_2"]))
            CopyFolder(tokenizer, model["tokenizer_2"]);
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

    private static void CopyFolder(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var file in Directory.EnumerateFiles(from))
        {
            using var source = File.OpenRead(file);
            using var copy = File.Create(System.IO.Path.Combine(to, System.IO.Path.GetFileName(file)));
            source.CopyTo(copy);
        }
        foreach (var folder in Directory.EnumerateDirectories(from).Where(f => System.IO.Path.GetFileName(f) != "expected"))
            CopyFolder(folder, System.IO.Path.Combine(to, System.IO.Path.GetFileName(folder)));
    }
}
