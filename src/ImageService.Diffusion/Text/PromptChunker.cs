namespace ImageService.Diffusion.Text;

/// <summary>
/// Cuts a prompt in A1111's syntax into windows of the text encoder. Where a window is full, the words since a comma not far back move to
/// the next one, so that no phrase is torn (its <c>tokenize_line</c> with a comma backtrack of 20 tokens).
/// </summary>
internal sealed class PromptChunker
{
    private const int CommaBacktrack = 20;

    private readonly int _room;
    private readonly List<PromptChunk> _chunks = [];
    private List<int> _tokens = [];
    private List<float> _weights = [];
    private int _afterComma = -1;

    private PromptChunker(int room) => _room = room;

    /// <param name="room">Tokens of a window, begin and end not counted.</param>
    /// <returns>At least one chunk.</returns>
    public static IReadOnlyList<PromptChunk> Split(ClipTokenizer tokenizer, int room, string prompt)
    {
        var chunker = new PromptChunker(room);
        foreach (var span in AttentionParser.Parse(prompt))
        {
            if (span.IsBreak)
            {
                chunker.Close();
                continue;
            }
            foreach (var token in tokenizer.Encode(span.Text))
                chunker.Add(token, span.Weight, isComma: token == tokenizer.CommaId);
        }
        if (chunker._tokens.Count > 0 || chunker._chunks.Count == 0)
            chunker.Close();
        return chunker._chunks;
    }

    private void Add(int token, float weight, bool isComma)
    {
        if (isComma)
            _afterComma = _tokens.Count + 1;
        else if (_tokens.Count == _room && _afterComma >= 0 && _tokens.Count - (_afterComma - 1) <= CommaBacktrack)
            CloseAtComma();
        if (_tokens.Count == _room)
            Close();
        _tokens.Add(token);
        _weights.Add(weight);
    }

    private void CloseAtComma()
    {
        var movedTokens = _tokens.GetRange(_afterComma, _tokens.Count - _afterComma);
        var movedWeights = _weights.GetRange(_afterComma, _weights.Count - _afterComma);
        _tokens.RemoveRange(_afterComma, movedTokens.Count);
        _weights.RemoveRange(_afterComma, movedWeights.Count);
        Close();
        _tokens = movedTokens;
        _weights = movedWeights;
    }

    private void Close()
    {
        _chunks.Add(new PromptChunk(_tokens, _weights.TrueForAll(w => w == 1) ? null : _weights));
        _tokens = [];
        _weights = [];
        _afterComma = -1;
    }
}
