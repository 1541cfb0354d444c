using System.Globalization;
using System.Text.RegularExpressions;

namespace ImageService.Diffusion.Text;

/// <summary>A stretch of a prompt with one weight, or a forced end of a window.</summary>
internal readonly record struct AttentionSpan(string Text, float Weight, bool IsBreak = false);

/// <summary>
/// Reads A1111's attention syntax: <c>(x)</c> weighs 1.1, <c>(x:1.3)</c> 1.3, <c>[x]</c> 1/1.1, nested brackets multiply, a backslash takes
/// a bracket literally, and the word BREAK begins a new window. A bracket that is never closed reaches to the end of the prompt, and one
/// that was never opened is literal. Every text is a prompt: nothing throws.
/// </summary>
internal static partial class AttentionParser
{
    private const double Round = 1.1;
    private const double Square = 1 / 1.1;

    public static IReadOnlyList<AttentionSpan> Parse(string prompt)
    {
        var parts = new List<Part>();
        var round = new Stack<int>();
        var square = new Stack<int>();
        foreach (Match match in Token().Matches(prompt))
        {
            var text = match.Value;
            if (text[0] == '\\')
                parts.Add(new Part(text[1..]));
            else if (text == "(")
                round.Push(parts.Count);
            else if (text == "[")
                square.Push(parts.Count);
            else if (round.Count > 0 && TryReadWeight(match, out var weight))
                Multiply(parts, round.Pop(), weight);
            else if (text == ")" && round.Count > 0)
                Multiply(parts, round.Pop(), Round);
            else if (text == "]" && square.Count > 0)
                Multiply(parts, square.Pop(), Square);
            else
                AddText(parts, text);
        }
        foreach (var start in round)
            Multiply(parts, start, Round);
        foreach (var start in square)
            Multiply(parts, start, Square);
        return Join(parts);
    }

    private static bool TryReadWeight(Match match, out double weight)
    {
        weight = 1;
        const NumberStyles style = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint;
        var number = match.Groups["weight"];
        return number.Success
            && double.TryParse(number.ValueSpan, style, CultureInfo.InvariantCulture, out weight)
            && float.IsFinite((float)weight);
    }

    private static void AddText(List<Part> parts, string text)
    {
        var first = true;
        foreach (var piece in Break().Split(text))
        {
            if (!first)
                parts.Add(new Part("") { IsBreak = true });
            parts.Add(new Part(piece));
            first = false;
        }
    }

    private static void Multiply(List<Part> parts, int start, double factor)
    {
        for (var i = start; i < parts.Count; i++)
            parts[i].Weight *= factor;
    }

    // Neighbours of one weight are one text again: "(a)(b)" is one word, as it is in A1111.
    private static List<AttentionSpan> Join(List<Part> parts)
    {
        var spans = new List<AttentionSpan>();
        foreach (var part in parts)
        {
            var weight = float.IsFinite((float)part.Weight) ? (float)part.Weight : 1;
            if (part.IsBreak)
                spans.Add(new AttentionSpan("", 1, IsBreak: true));
            else if (spans.Count > 0 && !spans[^1].IsBreak && spans[^1].Weight == weight)
                spans[^1] = spans[^1] with { Text = spans[^1].Text + part.Text };
            else if (part.Text.Length > 0)
                spans.Add(new AttentionSpan(part.Text, weight));
        }
        return spans;
    }

    [GeneratedRegex(@"\\[()\[\]\\]?|[(\[]|:\s*(?<weight>[+-]?[.0-9]+)\s*\)|[)\]]|[^\\()\[\]:]+|:", RegexOptions.CultureInvariant)]
    private static partial Regex Token();

    [GeneratedRegex(@"\s*\bBREAK\b\s*", RegexOptions.CultureInvariant)]
    private static partial Regex Break();

    private sealed class Part(string text)
    {
        public string Text { get; } = text;
        public double Weight { get; set; } = 1;
        public bool IsBreak { get; init; }
    }
}
