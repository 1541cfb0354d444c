using ImageService.Core;
using ImageService.Diffusion.Text;

namespace ImageService.Diffusion.Tests.Text;

public sealed class PromptEncoderTests : IDisposable
{
    private const int Window = TinyVocabulary.ContextLength;
    private readonly TinyVocabulary _vocabulary = new();
    private readonly ClipTokenizer _tokenizer;

    public PromptEncoderTests() => _tokenizer = ClipTokenizer.Load(_vocabulary.Folder);

    public void Dispose() => _vocabulary.Dispose();

    [Fact]
    public void A_guided_request_has_both_prompts_in_one_window()
    {
        using var model = new FakeTextModel(_tokenizer, 3);

        var c = PromptEncoder.Encode(model, Request("cat", "dog"));

        Assert.Equal(Window, c.ContextLength);
        Assert.Equal(Window * 3, c.Positive.Length);
        Assert.Equal(_tokenizer.Window(_tokenizer.Encode("cat")), model.Calls[0].Tokens);
        Assert.Equal(_tokenizer.Window(_tokenizer.Encode("dog")), model.Calls[1].Tokens);
        Assert.Equal(_vocabulary.Ids["cat</w>"] + 0.2f, c.Positive[3 + 2]);
        Assert.Equal(_vocabulary.Ids["dog</w>"], c.Negative![3]);
        Assert.Empty(c.PooledPositive);
        Assert.Empty(c.Warnings);
    }

    [Fact]
    public void A_window_without_words_is_encoded_once_for_each_model()
    {
        using var model = new FakeTextModel(_tokenizer, 3);
        var first = PromptEncoder.Encode(model, Request("cat", ""));
        var second = PromptEncoder.Encode(model, Request("dog", ""));
        Assert.Equal(3, model.Calls.Count);
        Assert.Equal(first.Negative, second.Negative);

        using var other = new FakeTextModel(_tokenizer, 3);
        PromptEncoder.Encode(other, Request("cat", ""));
        Assert.Equal(2, other.Calls.Count);
    }

    [Theory]
    [InlineData(1f, 0)]
    [InlineData(0f, 0)]
    [InlineData(7f, 256)]
    public void Without_classifier_free_guidance_there_is_no_negative_side(float scale, int guidanceEmbedding)
    {
        using var model = new FakeTextModel(_tokenizer, 3);
        model.Info = model.Info with { GuidanceEmbeddingSize = guidanceEmbedding };

        var c = PromptEncoder.Encode(model, Request("cat", "dog") with { GuidanceScale = scale });

        Assert.Null(c.Negative);
        Assert.Null(c.PooledNegative);
        Assert.Single(model.Calls);
    }

    [Fact]
    public void A_long_plain_prompt_is_cut_and_the_warning_quotes_what_was_cut()
    {
        using var model = new FakeTextModel(_tokenizer, 3);

        var c = PromptEncoder.Encode(model, Request(Words("cat", 10) + " And, dog", "dog"));

        Assert.Equal([_tokenizer.BeginId, .. Enumerable.Repeat(_vocabulary.Ids["cat</w>"], 10), _tokenizer.EndId], model.Calls[0].Tokens);
        Assert.Equal(["The end of prompt was left out, since the text encoder reads at most 12 tokens: \"and , dog\"."], c.Warnings);
    }

    [Fact]
    public void Brackets_are_plain_characters_in_plain_syntax()
    {
        using var model = new FakeTextModel(_tokenizer, 3);

        PromptEncoder.Encode(model, Request("(cat)", ""));

        Assert.Equal(_tokenizer.Window([_vocabulary.Ids["(</w>"], _vocabulary.Ids["cat</w>"], _vocabulary.Ids[")</w>"]]), model.Calls[0].Tokens);
    }

    [Fact]
    public void Two_encoders_are_joined_along_the_last_axis_and_the_second_ones_pooled_output_counts()
    {
        using var model = new FakeTextModel(_tokenizer, 3, 2);

        var c = PromptEncoder.Encode(model, Request("cat", "dog dog"));

        var cat = _vocabulary.Ids["cat</w>"];
        Assert.Equal([cat, cat + 0.1f, cat + 0.2f, cat + 1000, cat + 1000.1f], c.Positive[5..10]);
        Assert.Equal([3, 3], c.PooledPositive);
        Assert.Equal([4, 4], c.PooledNegative!);
    }

    [Theory]
    [InlineData(PromptSyntax.Plain)]
    [InlineData(PromptSyntax.A1111)]
    public void An_absent_negative_prompt_is_zeros_where_the_model_asks_for_it(PromptSyntax syntax)
    {
        using var model = new FakeTextModel(_tokenizer, 3, 2);

        var c = PromptEncoder.Encode(model, Request("cat", "") with { PromptSyntax = syntax });

        Assert.All(c.Negative!, v => Assert.Equal(0, v));
        Assert.Equal([0, 0], c.PooledNegative!);
        Assert.Equal(c.Positive.Length, c.Negative!.Length);
    }

    [Fact]
    public void Skipped_layers_concern_the_prompt_alone_as_in_diffusers_and_both_as_in_A1111()
    {
        using var model = new FakeTextModel(_tokenizer, 3);
        var request = Request("cat", "dog") with { ClipSkip = 1 };

        PromptEncoder.Encode(model, request);
        PromptEncoder.Encode(model, request with { PromptSyntax = PromptSyntax.A1111 });

        Assert.Equal([1, null, 1, 1], model.Calls.Select(c => c.ClipSkip));
    }

    [Fact]
    public void A_long_weighted_prompt_takes_several_windows_and_the_other_side_is_filled_with_empty_ones()
    {
        using var model = new FakeTextModel(_tokenizer, 3);

        var c = PromptEncoder.Encode(model, Request(Words("cat", 11), "dog") with { PromptSyntax = PromptSyntax.A1111 });

        Assert.Equal(2 * Window, c.ContextLength);
        Assert.Equal(c.Positive.Length, c.Negative!.Length);
        Assert.Equal(_tokenizer.Window(_tokenizer.Encode("cat")), model.Calls[1].Tokens);
        Assert.Equal(_tokenizer.Window([]), model.Calls[3].Tokens);
        Assert.Empty(c.Warnings);
    }

    [Fact]
    public void Weights_multiply_the_hidden_states_and_the_mean_of_the_window_is_restored()
    {
        using var model = new FakeTextModel(_tokenizer, 3);
        var plain = PromptEncoder.Encode(model, Request("cat dog", "")).Positive;

        var weighted = PromptEncoder.Encode(model, Request("cat (dog:1.5)", "") with { PromptSyntax = PromptSyntax.A1111 }).Positive;

        var expected = plain.Select((v, i) => i / 3 == 2 ? v * 1.5f : v).ToArray();
        var scale = plain.Average() / expected.Average();
        Assert.All(expected.Zip(weighted), p => Assert.Equal(p.First * scale, p.Second, p.First * 1e-5));
        Assert.Equal(plain.Average(), weighted.Average(), 0.01);
    }

    [Theory]
    [InlineData("a [cat:dog:0.5]", "[cat:dog:0.5]")]
    [InlineData("a [cat|dog]", "[cat|dog]")]
    [InlineData("cat AND dog", "AND")]
    [InlineData("cat <lora:fur:0.8>", "<lora:fur:0.8>")]
    [InlineData("[cat] (dog:1.2) BREAK [and]", null)]
    public void Syntax_that_is_not_understood_is_named(string prompt, string? quoted)
    {
        using var model = new FakeTextModel(_tokenizer, 3);

        var warnings = PromptEncoder.Encode(model, Request(prompt, "") with { PromptSyntax = PromptSyntax.A1111 }).Warnings;

        Assert.Equal(quoted is null ? [] : [$"\"{quoted}\" in prompt was read as plain text: of A1111's syntax only weights and BREAK are understood."], warnings);
    }

    private static GenerationRequest Request(string prompt, string negative) => new()
    {
        Model = "fake",
        Prompt = prompt,
        NegativePrompt = negative,
        Width = 64,
        Height = 64,
        NumInferenceSteps = 2,
        GuidanceScale = 7,
        Scheduler = "euler",
        Seed = 1,
    };

    private static string Words(string word, int count) => string.Join(' ', Enumerable.Repeat(word, count));
}
