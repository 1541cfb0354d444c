namespace ImageService.Diffusion.Denoise;

/// <summary>Running members of one <see cref="GroupKey"/>, and who of them takes part in the coming step.</summary>
internal sealed class BatchGroup<T>(GroupKey key) where T : class, IBatchMember
{
    private readonly List<T> _members = [];
    private readonly List<T> _held = [];
    private List<T> _stepping = [];
    private List<T> _before = [];

    public GroupKey Key { get; } = key;

    /// <summary>Rows of all members.</summary>
    public int Rows { get; private set; }

    /// <summary>Rows of members that are done and held until the whole batch is: computed for nobody.</summary>
    public int DeadRows { get; private set; }

    public int Count => _members.Count;

    public IReadOnlyList<T> Members => _members;

    /// <summary>It has run a step.</summary>
    public bool Started { get; private set; }

    /// <summary>Members of the coming step, in the order of their rows.</summary>
    public IReadOnlyList<T> Stepping => _stepping;

    /// <summary>Rows of the coming step, without padding.</summary>
    public int SteppingRows { get; private set; }

    /// <summary>The coming step has other members, or the same in other rows, than the step before.</summary>
    public bool Changed { get; private set; }

    public void Join(T member)
    {
        _members.Add(member);
        Rows += member.Rows;
    }

    public bool Leave(T member)
    {
        if (!_members.Remove(member))
            return false;
        Rows -= member.Rows;
        return true;
    }

    /// <summary>Turns a member's rows into dead ones.</summary>
    public void Hold(T member)
    {
        Leave(member);
        _held.Add(member);
        DeadRows += member.Rows;
    }

    /// <summary>Members that were held, in the order in which they were done.</summary>
    public IReadOnlyList<T> Held => _held;

    /// <summary>It took part in the group's last step.</summary>
    public bool SteppedLast(T member) => _stepping.Contains(member);

    /// <summary>Fills <see cref="Stepping"/>: everyone, or those at one timestep if the U-Net takes but one.</summary>
    public void Select()
    {
        Started = true;
        (_before, _stepping) = (_stepping, _before);
        _stepping.Clear();
        SteppingRows = 0;
        var first = _members[0];
        foreach (var member in _members)
        {
            if (!first.TimestepPerRow && member.Timestep != first.Timestep)
                continue;
            _stepping.Add(member);
            SteppingRows += member.Rows;
        }
        Changed = !SameAsBefore();

        // Whoever has stepped goes behind those who have not, so that each timestep gets its turn.
        if (_stepping.Count == _members.Count)
            return;
        foreach (var member in _stepping)
            _members.Remove(member);
        _members.AddRange(_stepping);
    }

    private bool SameAsBefore()
    {
        if (_before.Count != _stepping.Count)
            return false;
        for (var i = 0; i < _before.Count; i++)
        {
            if (!ReferenceEquals(_before[i], _stepping[i]))
                return false;
        }
        return true;
    }
}
