using System.Text.Json;
using FsCheck.Xunit;
using ImageService.Diffusion.Tests.Golden;
using ImageService.Diffusion.Text;

namespace ImageService.Diffusion.Tests.Text;

public sealed class UnicodeCompositionTests
{
    [Fact]
    public void Texts_take_the_form_C_that_the_Unicode_data_defines()
    {
        using var golden = JsonDocument.Parse(GoldenFiles.Read("nfc.json"));

        Assert.All(golden.RootElement.GetProperty("cases").EnumerateArray().ToList(),
            c => Assert.Equal(c[1].GetString(), UnicodeComposition.Compose(c[0].GetString()!)));
    }

    [Property(MaxTest = 500)]
    public void Form_C_of_form_C_is_itself(string? text)
    {
        var once = UnicodeComposition.Compose(text ?? "");

        Assert.Equal(once, UnicodeComposition.Compose(once));
    }

    [Fact]
    public void Half_a_surrogate_pair_becomes_the_replacement_character() => Assert.Equal("a\uFFFDb", UnicodeComposition.Compose("a\uD83Db"));

    [Fact]
    public void A_long_run_of_marks_is_sorted_quickly()
    {
        var marks = string.Concat(Enumerable.Range(0, 16_000).Select(i => i % 2 == 0 ? '\u0301' : '\u0323'));

        var composed = UnicodeComposition.Compose("q" + marks);

        Assert.Equal("q" + new string('\u0323', 8000) + new string('\u0301', 8000), composed);
    }
}
