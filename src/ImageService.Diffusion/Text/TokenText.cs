using System.Text;

namespace ImageService.Diffusion.Text;

/// <summary>
/// Turns token ids back into text: a vocabulary spells bytes as printable characters (GPT-2's byte alphabet) and ends words with a suffix.
/// </summary>
internal sealed class TokenText
{
    private const string EndOfWord = "</w>";
    private static readonly Dictionary<char, byte> Bytes = ByteAlphabet();

    private readonly Dictionary<int, string> _tokens;

    public TokenText(IReadOnlyDictionary<string, int> vocabulary)
    {
        _tokens = new Dictionary<int, string>(vocabulary.Count);
        foreach (var (token, id) in vocabulary)
            _tokens[id] = token;
    }

    public string Decode(IEnumerable<int> ids)
    {
        var bytes = new List<byte>();
        foreach (var id in ids)
        {
            if (!_tokens.TryGetValue(id, out var token))
                continue;
            var endsWord = token.EndsWith(EndOfWord, StringComparison.Ordinal);
            foreach (var c in endsWord ? token.AsSpan(0, token.Length - EndOfWord.Length) : token)
            {
                if (Bytes.TryGetValue(c, out var b))
                    bytes.Add(b);
            }
            if (endsWord)
                bytes.Add((byte)' ');
        }
        return Encoding.UTF8.GetString([.. bytes]).TrimEnd(' ');
    }

    // Bytes that print in Latin-1 stand for themselves, the others follow from U+0100 on in order.
    private static Dictionary<char, byte> ByteAlphabet()
    {
        var bytes = new Dictionary<char, byte>();
        var next = 0x100;
        for (var b = 0; b < 256; b++)
        {
            var prints = b is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);
            bytes[(char)(prints ? b : next++)] = (byte)b;
        }
        return bytes;
    }
}
