using System.Globalization;
using System.Text;

namespace ImageService.Diffusion.Text;

/// <summary>
/// Unicode normalization form C (Unicode Standard Annex 15). Own code because <see cref="string.Normalize()"/> returns its input unchanged
/// under invariant globalization, and with ICU would depend on the machine's version: a prompt must give the same tokens everywhere.
/// </summary>
internal static class UnicodeComposition
{
    private const int HangulSyllables = 0xAC00, Leads = 0x1100, Vowels = 0x1161, Trails = 0x11A7;
    private const int LeadCount = 19, VowelCount = 21, TrailCount = 28;

    private static readonly CanonicalData Data = CanonicalData.Read();

    /// <summary>The text in form C; half surrogate pairs become U+FFFD.</summary>
    public static string Compose(string text)
    {
        // Everything below the first combining mark is in form C already.
        if (!text.AsSpan().ContainsAnyExceptInRange('\0', '\u02FF'))
            return text;
        var runes = new List<int>(text.Length);
        foreach (var rune in text.EnumerateRunes())
            Decompose(rune.Value, runes);
        SortMarks(runes);
        return Join(runes);
    }

    private static void Decompose(int rune, List<int> into)
    {
        var syllable = rune - HangulSyllables;
        if (syllable is >= 0 and < LeadCount * VowelCount * TrailCount)
        {
            into.Add(Leads + (syllable / (VowelCount * TrailCount)));
            into.Add(Vowels + (syllable / TrailCount % VowelCount));
            if (syllable % TrailCount > 0)
                into.Add(Trails + (syllable % TrailCount));
        }
        else if (Data.Decompositions.TryGetValue(rune, out var parts))
        {
            foreach (var part in parts)
                Decompose(part, into);
        }
        else
        {
            into.Add(rune);
        }
    }

    // Marks between two starters are ordered by their class, equal classes as they came. Sorting must not take quadratic time on hostile
    // text.
    private static void SortMarks(List<int> runes)
    {
        for (var start = 0; start < runes.Count; start++)
        {
            var end = start;
            while (end < runes.Count && Data.Class(runes[end]) != 0)
                end++;
            if (end - start > 1)
            {
                var sorted = runes.GetRange(start, end - start).OrderBy(Data.Class).ToList();
                for (var i = 0; i < sorted.Count; i++)
                    runes[start + i] = sorted[i];
            }
            start = end;
        }
    }

    private static string Join(List<int> runes)
    {
        var composed = new List<int>(runes.Count);
        var starter = -1; // where the last rune of class 0 stands
        foreach (var rune in runes)
        {
            var runeClass = Data.Class(rune);
            // A mark is blocked from its starter by one of the same or a higher class between them, a starter by anything.
            var adjacent = starter == composed.Count - 1;
            if (starter >= 0 && (adjacent || Data.Class(composed[^1]) < runeClass) && TryJoin(composed[starter], rune, out var joined))
            {
                composed[starter] = joined;
                continue;
            }
            if (runeClass == 0)
                starter = composed.Count;
            composed.Add(rune);
        }
        var text = new StringBuilder(composed.Count);
        foreach (var rune in composed)
            text.Append(new Rune(rune));
        return text.ToString();
    }

    private static bool TryJoin(int first, int second, out int joined)
    {
        var (lead, vowel) = (first - Leads, second - Vowels);
        if (lead is >= 0 and < LeadCount && vowel is >= 0 and < VowelCount)
        {
            joined = HangulSyllables + (((lead * VowelCount) + vowel) * TrailCount);
            return true;
        }
        var (syllable, trail) = (first - HangulSyllables, second - Trails);
        if (syllable is >= 0 and < LeadCount * VowelCount * TrailCount && syllable % TrailCount == 0 && trail is > 0 and < TrailCount)
        {
            joined = first + trail;
            return true;
        }
        return Data.Compositions.TryGetValue((first, second), out joined);
    }

    private sealed class CanonicalData
    {
        private readonly Dictionary<int, byte> _classes = [];

        public Dictionary<int, int[]> Decompositions { get; } = [];
        public Dictionary<(int First, int Second), int> Compositions { get; } = [];

        public byte Class(int rune) => rune < 0x300 ? (byte)0 : _classes.GetValueOrDefault(rune);

        public static CanonicalData Read()
        {
            var data = new CanonicalData();
            using var stream = typeof(CanonicalData).Assembly.GetManifestResourceStream("canonical.txt")!;
            using var reader = new StreamReader(stream);
            while (reader.ReadLine() is { } line)
            {
                if (!line.StartsWith('#'))
                    data.Add(line.Split(';'));
            }
            return data;
        }

        // Code point; class; decomposition; x = never composed.
        private void Add(string[] fields)
        {
            var rune = Hex(fields[0]);
            if (fields[1].Length > 0)
                _classes[rune] = byte.Parse(fields[1], CultureInfo.InvariantCulture);
            if (fields.Length < 3)
                return;
            var parts = fields[2].Split(' ').Select(Hex).ToArray();
            Decompositions[rune] = parts;
            if (parts.Length == 2 && fields.Length < 4)
                Compositions[(parts[0], parts[1])] = rune;
        }

        private static int Hex(string digits) => int.Parse(digits, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
    }
}
