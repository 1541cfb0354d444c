using System.Globalization;
using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using ImageService.Diffusion.Text;

namespace ImageService.Diffusion.Tests.Text;

public sealed class AttentionParserTests
{
    [Theory]
    [InlineData("normal text", "normal text=1")]
    [InlineData("", "")]
    [InlineData("an (important) word", "an =1|important=1.1| word=1")]
    [InlineData("(unbalanced", "unbalanced=1.1")]
    [InlineData("unbalanced) too]", "unbalanced) too]=1")]
    [InlineData(@"\(literal\]", "(literal]=1")]
    [InlineData(@"a \\ b \ c", @"a \ b  c=1")]
    [InlineData("(unnecessary)(parens)", "unnecessaryparens=1.1")]
    [InlineData("((x))", "x=1.21")]
    [InlineData("[x]", "x=0.9091")]
    [InlineData("[[x]", "x=0.8264")]
    [InlineData("(word:1.3)", "word=1.3")]
    [InlineData("(word : 1.3 )", "word =1.3")]
    [InlineData("(word:-0.5)", "word=-0.5")]
    [InlineData("(a:b)", "a:b=1.1")]
    [InlineData("a:1.3)", "a:1.3)=1")]
    [InlineData("(a:1.2.3)", "a:1.2.3)=1.1")]
    [InlineData("a (((house:1.3)) [on] a (hill:0.5), sun, (((sky))).", "a =1|house=1.573| =1.1|on=1| a =1.1|hill=0.55|, sun, =1.1|sky=1.4641|.=1.1")]
    [InlineData("a BREAK b", "a=1|BREAK|b=1")]
    [InlineData("(a BREAK b:2) BREAKFAST", "a=2|BREAK|b=2| BREAKFAST=1")]
    public void Weights_are_those_of_the_syntax(string prompt, string expected) =>
        Assert.Equal(expected, string.Join('|', AttentionParser.Parse(prompt).Select(s => s.IsBreak ? "BREAK" : string.Create(CultureInfo.InvariantCulture, $"{s.Text}={Math.Round(s.Weight, 4):0.####}"))));

    [Property(MaxTest = 1000)]
    public Property Nothing_throws_and_every_weight_is_finite() =>
        Prop.ForAll(Hostile().ToArbitrary(), prompt => AttentionParser.Parse(prompt).All(s => float.IsFinite(s.Weight)));

    [Property(MaxTest = 500)]
    public Property Text_without_syntax_comes_back_as_it_was() =>
        Prop.ForAll(Gen.Elements("a", "B", " ", ", ", "é", "猫", "{", "}", "\n", "1.3", "<", "|").ArrayOf().Select(string.Concat).ToArbitrary(),
            text => string.Concat(AttentionParser.Parse(text).Select(s => s.Text)) == text && AttentionParser.Parse(text).All(s => s.Weight == 1));

    [Property(MaxTest = 500)]
    public Property Escaped_text_comes_back_as_it_was() =>
        Prop.ForAll(Gen.Elements("a", "(", ")", "[", "]", "\\", ":1.3", " ").ArrayOf().Select(string.Concat).ToArbitrary(),
            text => string.Concat(AttentionParser.Parse(Escape(text)).Select(s => s.Text)) == text);

    private static Gen<string> Hostile() =>
        Gen.Elements("(", ")", "[", "]", "\\", ":", ":1.5)", ": .9 )", ":99999999999999999999999999999999999999999999)", "BREAK", " BREAK ", "cat", "\ud83d", "\0", ":.)", ":-)", ":+.)", ",").ArrayOf()
            .Select(string.Concat);

    private static string Escape(string text) => string.Concat(text.Select(c => "()[]\\".Contains(c, StringComparison.Ordinal) ? "\\" + c : c.ToString()));
}
