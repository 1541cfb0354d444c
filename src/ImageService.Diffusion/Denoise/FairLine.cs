namespace ImageService.Diffusion.Denoise;

/// <summary>
/// The order in which those who wait are served: fair between clients by what their work costs, higher priority first within a client, then first come.
/// A look goes through the line from the front with <see cref="MoveNext"/> and serves whom it likes with <see cref="Take"/>: one that cannot be served is
/// passed, not a wall, and <see cref="PassedFor"/> tells how long that has been going on.
/// </summary>
/// <remarks>
/// Start-time fair queueing (Goyal, Vin and Cheng 1996), which shares as deficit round-robin does but needs no quantum: each client has a tag, raised by the
/// cost of each member served; the smallest tag is next. A client that comes, or comes back, does so at the virtual time: the tag served last, moved on by an
/// equal share of the cost while others wait, so that not even a stream of ever new clients keeps an old one out.
/// </remarks>
internal sealed class FairLine<T> where T : class
{
    private readonly List<Client> _clients = [];
    private readonly List<Entry> _front = [];
    private readonly List<Entry> _passed = [];
    private double _virtualTime;
    private Client? _client; // of the current member; null = it is in _front
    private int _frontPlace;
    private long _now;
    private bool _taken;

    public int Count { get; private set; }

    /// <summary>Everyone, in no particular order.</summary>
    public IEnumerable<T> Members => _front.Concat(_clients.SelectMany(c => c.Line)).Select(e => e.Member);

    public void Add(T member, in Charge charge)
    {
        var client = Find(charge.Client);
        if (client.Line.Count == 0)
            client.Tag = Math.Max(client.Tag, _virtualTime);
        var place = client.Line.Count;
        while (place > 0 && client.Line[place - 1].Priority < charge.Priority)
            place--;
        client.Line.Insert(place, new Entry(member, charge.Priority, charge.Cost));
        Count++;
    }

    /// <summary>Puts a member, which has been charged before, in front of everyone but those put there earlier.</summary>
    public void AddInFront(T member)
    {
        _front.Add(new Entry(member, 0, 0));
        Count++;
    }

    public bool Remove(T member)
    {
        if (Remove(_front, member))
            return true;
        foreach (var client in _clients)
        {
            if (Remove(client.Line, member))
                return true;
        }
        return false;
    }

    /// <summary>Begins a look before the first member.</summary>
    /// <param name="now">Any clock that does not go back.</param>
    public void Look(long now)
    {
        _now = now;
        _frontPlace = -1;
        _client = null;
        _taken = false;
        _passed.Clear();
        for (var i = _clients.Count - 1; i >= 0; i--)
        {
            var client = _clients[i];
            (client.Place, client.LookTag) = (0, client.Tag);
            // What it had more than others is made up for: as good as new.
            if (client.Line.Count == 0 && client.Tag <= _virtualTime)
                _clients.RemoveAt(i);
        }
    }

    /// <summary>Goes on to the next member; the current one, if it was not taken, is passed.</summary>
    public bool MoveNext()
    {
        Leave();
        _taken = false;
        if (_client is null && ++_frontPlace < _front.Count)
            return true;
        _frontPlace = _front.Count;
        _client = null;
        foreach (var client in _clients)
        {
            if (client.Place < client.Line.Count && (_client is null || client.LookTag < _client.LookTag))
                _client = client;
        }
        return _client is not null;
    }

    public T Current => CurrentEntry.Member;

    /// <summary>No other member of its client has been passed on the way to the current one.</summary>
    public bool IsFirstOfClient => _client is { Place: 0 };

    /// <summary>How long others have been served past the current member, in the units of <see cref="Look"/>'s clock; 0 = not at all.</summary>
    public long PassedFor => CurrentEntry.PassedAt is { } since ? _now - since : 0;

    /// <summary>Serves the current member: it leaves the line and its client is charged.</summary>
    public void Take()
    {
        var entry = CurrentEntry;
        if (_client is null)
        {
            _front.RemoveAt(_frontPlace--);
        }
        else
        {
            _virtualTime = Math.Max(_virtualTime, _client.Tag);
            if (Waiting() is > 1 and var clients)
                _virtualTime += entry.Cost / clients;
            _client.Tag += entry.Cost;
            _client.LookTag += entry.Cost;
            _client.Line.RemoveAt(_client.Place);
        }
        Count--;
        _taken = true;
        foreach (var passed in _passed)
            passed.PassedAt ??= _now;
        _passed.Clear();
    }

    private Entry CurrentEntry => _client is null ? _front[_frontPlace] : _client.Line[_client.Place];

    private void Leave()
    {
        if (_taken || _frontPlace < 0)
            return;
        if (_client is null)
        {
            if (_frontPlace < _front.Count)
                _passed.Add(_front[_frontPlace]);
            return;
        }
        var entry = _client.Line[_client.Place++];
        // Those behind stand where they would stand if it had been served, so that other clients do not wait for ever behind one that cannot be.
        _client.LookTag += entry.Cost;
        _passed.Add(entry);
    }

    private int Waiting()
    {
        var waiting = 0;
        foreach (var client in _clients)
            waiting += client.Line.Count > 0 ? 1 : 0;
        return waiting;
    }

    private Client Find(string name)
    {
        foreach (var client in _clients)
        {
            if (client.Name == name)
                return client;
        }
        _clients.Add(new Client(name));
        return _clients[^1];
    }

    private bool Remove(List<Entry> line, T member)
    {
        for (var place = 0; place < line.Count; place++)
        {
            if (!ReferenceEquals(line[place].Member, member))
                continue;
            line.RemoveAt(place);
            Count--;
            return true;
        }
        return false;
    }

    private sealed class Client(string name)
    {
        public string Name { get; } = name;
        public List<Entry> Line { get; } = [];
        public double Tag { get; set; }
        public int Place { get; set; }
        public double LookTag { get; set; }
    }

    private sealed class Entry(T member, int priority, double cost)
    {
        public T Member { get; } = member;
        public int Priority { get; } = priority;
        public double Cost { get; } = cost;
        public long? PassedAt { get; set; }
    }
}

/// <summary>Whom a piece of work is charged to.</summary>
/// <param name="Client">As <see cref="Core.Job.Client"/>.</param>
/// <param name="Priority">Higher first among one client's work.</param>
/// <param name="Cost">Row-steps times pixels, in any unit; above 0.</param>
internal readonly record struct Charge(string Client, int Priority, double Cost);
