namespace ImageService.Diffusion.Denoise;

/// <summary>
/// Decides at each step boundary who joins and which group runs the next U-Net call. No tensors, no clocks: time is counted in steps.
/// <list type="bullet">
/// <item>Clients are asked in the order of a <see cref="FairLine{T}"/>.</item>
/// <item>A waiting member joins when its group is resident, or may become so, and has rows free. One that does not fit is passed over, not a wall.</item>
/// <item>A short or urgent one may have the rows of a long one for a while: see <see cref="PauseRule"/>.</item>
/// <item>Resident groups take turns step by step, so no shape starves another.</item>
/// <item>A member past which others have joined for <paramref name="ageLimit"/> steps closes its group to those behind it until it has joined; if its group is not
/// resident, one resident group takes nobody in until it has run empty and makes room.</item>
/// </list>
/// </summary>
/// <param name="policy">Row budgets.</param>
/// <param name="ended">Gets each picture given to <see cref="Finish"/> when it may be delivered.</param>
/// <param name="maxGroups">Groups that are resident at a time: each has buffers of its own, and each further one slows the others down.</param>
/// <param name="ageLimit">Steps.</param>
internal sealed class StepBatcher<T>(RowPolicy policy, Action<T> ended, int maxGroups = 4, int ageLimit = 64) where T : class, IBatchMember
{
    private readonly Batching _batching = policy.Batching;
    private readonly int _maxGroups = policy.Batching.IsStatic() ? 1 : maxGroups;
    private readonly FairLine<T> _waiting = new();
    private readonly List<BatchGroup<T>> _groups = [];
    private readonly List<BatchGroup<T>> _closed = [];
    private BatchGroup<T>? _draining;
    private int _turn;
    private long _step;

    public int WaitingCount => _waiting.Count;

    public int RunningCount { get; private set; }

    public IReadOnlyList<BatchGroup<T>> Groups => _groups;

    public void Add(T member) => _waiting.Add(member, member.Charge);

    /// <summary>Takes out a waiting or running member.</summary>
    /// <returns>False if it is neither.</returns>
    public bool Remove(T member)
    {
        if (_waiting.Remove(member))
            return true;
        foreach (var group in _groups)
        {
            if (!group.Leave(member))
                continue;
            RunningCount--;
            if (group.Count == 0)
                Vacate(group);
            return true;
        }
        return false;
    }

    /// <summary>A running member has done its last step.</summary>
    public void Finish(T member)
    {
        if (_batching != Batching.Padded)
        {
            Remove(member);
            ended(member);
            return;
        }
        var group = _groups[0];
        RunningCount--;
        group.Hold(member);
        if (group.Count == 0)
            Vacate(group);
    }

    /// <summary>The group to step now, its <see cref="BatchGroup{T}.Stepping"/> filled; null if nobody is here.</summary>
    /// <param name="joining">False: those who wait go on waiting.</param>
    public BatchGroup<T>? Next(bool joining = true)
    {
        _step++;
        if (joining)
            LetJoin();
        if (_groups.Count == 0)
            return null;
        _turn %= _groups.Count;
        var group = _groups[_turn++];
        group.Select();
        return group;
    }

    private void LetJoin()
    {
        _closed.Clear();
        _waiting.Look(_step);
        while (_waiting.MoveNext())
        {
            var member = _waiting.Current;
            // One that was paused does not wait for its age.
            var old = member.Pauses > 0 || _waiting.PassedFor > ageLimit;
            if (FindOrOpen(member.Group, old) is not { } group || !MayJoin(group, member))
                continue;
            if (!HasRoom(group, member) && !MakeRoom(group, member))
            {
                if (old)
                    _closed.Add(group);
                continue;
            }
            _waiting.Take();
            group.Join(member);
            RunningCount++;
        }
    }

    private BatchGroup<T>? FindOrOpen(GroupKey key, bool old)
    {
        foreach (var resident in _groups)
        {
            if (resident.Key == key)
                return resident;
        }
        if (_groups.Count < _maxGroups)
        {
            var opened = new BatchGroup<T>(key);
            _groups.Add(opened);
            return opened;
        }
        if (old)
            _draining ??= _groups.MinBy(g => g.Rows);
        return null;
    }

    private bool MayJoin(BatchGroup<T> group, T member) =>
        group != _draining && !_closed.Contains(group) && (group.Count == 0 || _batching.MayJoin(group, group.Members[0], member));

    private bool HasRoom(BatchGroup<T> group, T member) => group.Count == 0 || group.Rows + member.Rows <= policy.Limit(group.Key);

    // Pauses the one that has most left to do. Only who stepped last can be paused, and only the first of a client causes it: else a client's order might change.
    private bool MakeRoom(BatchGroup<T> group, T member)
    {
        if (_batching.IsStatic() || !_waiting.IsFirstOfClient)
            return false;
        var needed = group.Rows + member.Rows - policy.Limit(group.Key);
        T? longest = null;
        for (var i = 0; i < group.Members.Count; i++)
        {
            var running = group.Members[i];
            if (running.Rows >= needed && group.SteppedLast(running) && PauseRule.MayPass(member, running) && (longest is null || running.Charge.Cost > longest.Charge.Cost))
                longest = running;
        }
        if (longest is null)
            return false;
        group.Leave(longest);
        RunningCount--;
        longest.Pauses++;
        _waiting.AddInFront(longest);
        _closed.Add(group);
        return true;
    }

    private void Vacate(BatchGroup<T> group)
    {
        var place = _groups.IndexOf(group);
        _groups.RemoveAt(place);
        if (place < _turn)
            _turn--;
        if (group == _draining)
            _draining = null;
        foreach (var member in group.Held)
            ended(member);
    }
}
