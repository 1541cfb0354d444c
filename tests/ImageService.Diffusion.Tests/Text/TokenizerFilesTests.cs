using FsCheck.Xunit;
using ImageService.Diffusion.Text;

namespace ImageService.Diffusion.Tests.Text;

public sealed class TokenizerFilesTests : IDisposable
{
    private readonly TinyVocabulary _vocabulary = new();
    private ClipTokenizer? _tokenizer;

    public void Dispose() => _vocabulary.Dispose();

    [Fact]
    public void A_small_vocabulary_works_as_the_large_one()
    {
        var tokenizer = ClipTokenizer.Load(_vocabulary.Folder);

        var ids = tokenizer.Encode("Cat AND dogs");

        Assert.Equal(new[] { "cat</w>", "and</w>", "do", "g", "s</w>" }.Select(t => _vocabulary.Ids[t]), ids);
        Assert.Equal([tokenizer.BeginId, .. ids, tokenizer.EndId, .. Enumerable.Repeat(tokenizer.EndId, 5)], tokenizer.Window(ids));
        Assert.Equal((12, _vocabulary.Ids.Count), (tokenizer.ContextLength, tokenizer.VocabularySize));
    }

    [Fact]
    public void A_padding_token_of_its_own_is_that_token_wherever_the_text_spells_it()
    {
        using var vocabulary = new TinyVocabulary(padToken: "!");
        var tokenizer = ClipTokenizer.Load(vocabulary.Folder);

        Assert.Equal(0, tokenizer.PadId);
        Assert.Equal([tokenizer.BeginId, vocabulary.Ids["cat</w>"], 0, 0, tokenizer.EndId, 0, 0, 0, 0, 0, 0, 0], tokenizer.Window(tokenizer.Encode("cat!!")));
        Assert.Equal([0, 0, 0, 0, 0, 0], tokenizer.Encode("! !! !!!")); // huggingface/diffusers issue 4153
    }

    [Fact]
    public void Special_tokens_that_the_configuration_does_not_name_come_from_the_map()
    {
        _vocabulary.Write("tokenizer_config.json", """{"model_max_length": 12}""");
        _vocabulary.Write("special_tokens_map.json", """{"pad_token": {"content": "!"}}""");

        var tokenizer = ClipTokenizer.Load(_vocabulary.Folder);

        Assert.Equal((_vocabulary.Ids["<|startoftext|>"], _vocabulary.Ids["<|endoftext|>"], 0), (tokenizer.BeginId, tokenizer.EndId, tokenizer.PadId));
    }

    [Theory]
    [InlineData("vocab.json")]
    [InlineData("merges.txt")]
    [InlineData("tokenizer_config.json")]
    public void A_missing_file_is_named(string file)
    {
        _vocabulary.Delete(file);

        Assert.EndsWith($"{file} is missing.", Refusal(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("vocab.json", "{", "vocab.json is not JSON: line 1 cannot be read.")]
    [InlineData("vocab.json", "[1]", "vocab.json must hold one JSON object.")]
    [InlineData("vocab.json", "{}", "vocab.json has no entries.")]
    [InlineData("vocab.json", """{"a": "b"}""", "vocab.json: a must be a whole number of at least 0.")]
    [InlineData("merges.txt", "#version: 0.2\nc a\nca", "merges.txt: line 3 must be two tokens with one blank between them.")]
    [InlineData("merges.txt", "q q", "merges.txt: line 1 makes a token that vocab.json does not have.")]
    [InlineData("tokenizer_config.json", "{}", "tokenizer_config.json: model_max_length must be a whole number in 3..4096.")]
    [InlineData("tokenizer_config.json", """{"model_max_length": 12, "pad_token": 5}""", "tokenizer_config.json: pad_token must be a string or an object with a string \"content\".")]
    [InlineData("tokenizer_config.json", """{"model_max_length": 12, "eos_token": "<end>"}""", "vocab.json has no entry \"<end>\", the eos_token.")]
    [InlineData("special_tokens_map.json", "5", "special_tokens_map.json must hold one JSON object.")]
    public void A_broken_file_is_named_with_its_field(string file, string content, string expected)
    {
        _vocabulary.Write(file, content);

        Assert.EndsWith(expected, Refusal(), StringComparison.Ordinal);
    }

    [Property(MaxTest = 300)]
    public void Any_text_has_ids_of_the_vocabulary(string? text)
    {
        var tokenizer = _tokenizer ??= ClipTokenizer.Load(_vocabulary.Folder);

        Assert.All(tokenizer.Encode(text ?? ""), id => Assert.InRange(id, 0, tokenizer.VocabularySize - 1));
    }

    private string Refusal() => Assert.Throws<InvalidDataException>(() => ClipTokenizer.Load(_vocabulary.Folder)).Message;
}
