namespace ImageService.Api.Problems;

/// <summary>Collects what is wrong with a request, so that one answer names all of it.</summary>
internal sealed class FieldErrors
{
    // Beyond this a request is hostile rather than mistaken.
    private const int Most = 32;
    private readonly Dictionary<string, List<string>> _sentences = new(StringComparer.Ordinal);

    public void Add(string field, string sentence)
    {
        if (_sentences.TryGetValue(field, out var list))
            list.Add(sentence);
        else if (_sentences.Count < Most)
            _sentences.Add(field, [sentence]);
    }

    public void ThrowIfAny()
    {
        if (_sentences.Count == 0)
            return;
        throw new ProblemException(ProblemKind.InvalidRequest, string.Join(' ', _sentences.Values.SelectMany(s => s).Take(3)))
        {
            Errors = _sentences.ToDictionary(p => p.Key, p => p.Value.ToArray()),
        };
    }
}
