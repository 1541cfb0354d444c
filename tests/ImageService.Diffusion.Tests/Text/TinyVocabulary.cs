using System.Text.Json;

namespace ImageService.Diffusion.Tests.Text;

/// <summary>A tokenizer folder with a vocabulary of about 530 entries in CLIP's file format, deleted at the end.</summary>
internal sealed class TinyVocabulary : IDisposable
{
    public const int ContextLength = 12;

    public TinyVocabulary(string padToken = "<|endoftext|>", int contextLength = ContextLength)
    {
        Folder = Directory.CreateTempSubdirectory("tokenizer").FullName;
        var letters = Enumerable.Range('!', '~' - '!' + 1).Concat(Enumerable.Range(0xA1, 12)).Concat(Enumerable.Range(0xAE, 82)).Concat(Enumerable.Range(0x100, 68))
            .Select(c => ((char)c).ToString()).ToList();
        string[] merges = ["c a", "ca t</w>", "d o", "do g</w>", "a n", "an d</w>"];
        string[] tokens = [.. letters, .. letters.Select(l => l + "</w>"), .. merges.Select(m => m.Replace(" ", "", StringComparison.Ordinal)), "<|startoftext|>", "<|endoftext|>"];
        Ids = tokens.Select((token, id) => (token, id)).ToDictionary(p => p.token, p => p.id);
        Write("vocab.json", JsonSerializer.Serialize(Ids));
        Write("merges.txt", "#version: 0.2\n" + string.Join('\n', merges) + "\n");
        Write("tokenizer_config.json", JsonSerializer.Serialize(new
        {
            model_max_length = contextLength,
            bos_token = new { content = "<|startoftext|>", lstrip = false },
            eos_token = "<|endoftext|>",
            pad_token = padToken,
        }));
    }

    public string Folder { get; }
    public Dictionary<string, int> Ids { get; }

    public void Write(string file, string text) => File.WriteAllText(Path.Combine(Folder, file), text);
    public void Delete(string file) => File.Delete(Path.Combine(Folder, file));
    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
