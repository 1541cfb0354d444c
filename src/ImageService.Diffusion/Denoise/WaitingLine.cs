namespace ImageService.Diffusion.Denoise;

/// <summary>
/// The order in which pictures may join: first come, first served. Whoever stands in front is asked first, and one that does not fit lets others
/// pass, so another order (turns between clients, say) is a change to <see cref="Add"/> alone.
/// </summary>
internal sealed class WaitingLine<T> where T : class
{
    private readonly List<(T Member, long Since)> _line = [];

    public int Count => _line.Count;

    public (T Member, long Since) this[int place] => _line[place];

    public void Add(T member, long now) => _line.Add((member, now));

    public void RemoveAt(int place) => _line.RemoveAt(place);

    public bool Remove(T member)
    {
        for (var place = 0; place < _line.Count; place++)
        {
            if (!ReferenceEquals(_line[place].Member, member))
                continue;
            _line.RemoveAt(place);
            return true;
        }
        return false;
    }
}
