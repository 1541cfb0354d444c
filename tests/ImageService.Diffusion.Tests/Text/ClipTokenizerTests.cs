using System.Diagnostics;
using System.Text.Json;
using ImageService.Diffusion.Tests.Golden;
using ImageService.Diffusion.Text;
using ImageService.Tests;

namespace ImageService.Diffusion.Tests.Text;

public sealed class ClipTokenizerTests
{
    private static readonly Lazy<ClipTokenizer> Clip = new(() => ClipTokenizer.Load(GoldenFolder.Find("tokenizer")));

    [Fact]
    public void Ids_and_windows_equal_those_of_transformers()
    {
        var tokenizer = Clip.Value;
        using var golden = JsonDocument.Parse(GoldenFiles.Read("tokenizer.json"));
        var cases = golden.RootElement.GetProperty("cases").EnumerateArray().ToList();

        Assert.Equal(26, cases.Count);
        Assert.All(cases, c =>
        {
            var ids = tokenizer.Encode(c.GetProperty("text").GetString()!);
            Assert.Equal(Ints(c.GetProperty("ids")), ids.Prepend(tokenizer.BeginId).Append(tokenizer.EndId));
            Assert.Equal(Ints(c.GetProperty("padded77")), tokenizer.Window(ids));
        });
    }

    [Fact]
    public void Ids_equal_those_of_the_fast_tokenizer()
    {
        var tokenizer = Clip.Value;
        using var golden = JsonDocument.Parse(GoldenFiles.Read("clip_tokenizer_expected.json"));
        var cases = golden.RootElement.EnumerateArray().ToList();

        Assert.Equal(40, cases.Count);
        Assert.All(cases, c => Assert.Equal(Ints(c.GetProperty("hf")), tokenizer.Encode(c.GetProperty("text").GetString()!)));
    }

    [Theory]
    [InlineData("a photo of a cat", "a photo of a cat")]
    [InlineData("Привет, 猫 😀", "привет , 猫 😀")]
    [InlineData("  two   blanks ", "two blanks")]
    public void Ids_decode_to_the_normal_form_of_the_text(string text, string expected) => Assert.Equal(expected, Clip.Value.Decode(Clip.Value.Encode(text)));

    [Fact]
    public void Half_a_surrogate_pair_is_no_error() => Assert.NotEmpty(Clip.Value.Encode("cat \ud83d dog"));

    [Fact]
    public void A_window_keeps_the_first_ids_and_ends_with_the_end_token()
    {
        var window = Clip.Value.Window(Enumerable.Range(1000, 200));

        Assert.Equal([49406, .. Enumerable.Range(1000, 75), 49407], window);
    }

    [Fact]
    public void A_word_of_twenty_thousand_letters_takes_no_time_to_speak_of()
    {
        var word = string.Concat(Enumerable.Range(0, 20_000).Select(i => (char)('a' + (i * 7919 % 26))));
        var clock = Stopwatch.StartNew();

        Clip.Value.Encode(word);

        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(5), $"took {clock.Elapsed}");
    }

    [Fact]
    public void A_text_beyond_the_limit_is_refused()
    {
        var e = Assert.Throws<ArgumentException>(() => Clip.Value.Encode(new string('a', ClipTokenizer.MaxTextLength + 1)));

        Assert.Contains("at most 32768", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Threads_may_share_a_tokenizer()
    {
        var tokenizer = Clip.Value;
        var texts = Enumerable.Range(0, 64).Select(i => $"picture {i} of a {(char)('a' + (i % 26))}bc{i * 31} horse").ToArray();
        var alone = texts.Select(tokenizer.Encode).ToArray();

        Parallel.For(0, 512, i => Assert.Equal(alone[i % 64], tokenizer.Encode(texts[i % 64])));
    }

    private static int[] Ints(JsonElement array) => array.EnumerateArray().Select(e => e.GetInt32()).ToArray();
}
