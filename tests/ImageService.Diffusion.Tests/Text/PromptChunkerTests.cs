using ImageService.Diffusion.Text;

namespace ImageService.Diffusion.Tests.Text;

public sealed class PromptChunkerTests : IDisposable
{
    private readonly TinyVocabulary _vocabulary = new();
    private readonly ClipTokenizer _tokenizer;

    public PromptChunkerTests() => _tokenizer = ClipTokenizer.Load(_vocabulary.Folder);

    public void Dispose() => _vocabulary.Dispose();

    [Theory]
    [InlineData("", 10, "")]
    [InlineData("cat dog", 10, "cat dog")]
    [InlineData("cat cat cat cat cat", 2, "cat cat|cat cat|cat")]
    [InlineData("cat BREAK dog", 10, "cat|dog")]
    [InlineData("cat BREAK BREAK dog", 10, "cat||dog")]
    [InlineData("BREAK", 10, "")]
    [InlineData("cat, dog dog dog", 4, "cat ,|dog dog dog")]
    [InlineData("cat cat, dog", 3, "cat cat ,|dog")]
    [InlineData("cat cat cat, dog", 3, "cat cat cat|, dog")]
    [InlineData("(cat, dog) dog dog", 4, "cat ,|dog dog dog")]
    public void Windows_end_where_A1111_ends_them(string prompt, int room, string expected) =>
        Assert.Equal(expected, string.Join('|', PromptChunker.Split(_tokenizer, room, prompt).Select(c => _tokenizer.Decode(c.Tokens))));

    [Fact]
    public void A_comma_more_than_twenty_tokens_back_is_too_far()
    {
        var near = "cat, " + string.Join(' ', Enumerable.Repeat("dog", 21));
        var far = "cat, " + string.Join(' ', Enumerable.Repeat("dog", 22));

        Assert.Equal([2, 20, 1], PromptChunker.Split(_tokenizer, 20, near).Select(c => c.Tokens.Count).ToArray());
        Assert.Equal([23, 1], PromptChunker.Split(_tokenizer, 23, far).Select(c => c.Tokens.Count));
    }

    [Fact]
    public void Weights_move_with_their_tokens()
    {
        var chunks = PromptChunker.Split(_tokenizer, 4, "cat, (dog:2) [dog] dog");

        Assert.Equal(2, chunks.Count);
        Assert.Null(chunks[0].Weights);
        Assert.Equal(chunks[1].Tokens.Count, chunks[1].Weights!.Count);
        Assert.Equal(2, chunks[1].Weights![0]);
    }
}
