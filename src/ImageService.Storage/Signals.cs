namespace ImageService.Storage;

/// <summary>
/// Wake-ups within the process, by name. A signal is only a hint to look at the store again: one that came between two looks is kept, two are one,
/// and whoever waits looks again after a second anyway, because other processes change the store too.
/// </summary>
internal sealed class Signals
{
    public const string Work = "work";
    public const string Cancellations = "cancellations";

    /// <summary>Raised when a job ends; each of its events raises its name alone.</summary>
    public static string EndOf(string job) => job + " ended";

    /// <summary>How long a change made by another process may stay unseen. Real time, also where tests set the clock.</summary>
    public static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(900);

    private readonly Lock gate = new();
    private readonly Dictionary<string, List<Subscription>> subscriptions = new(StringComparer.Ordinal);

    public Subscription Subscribe(string name)
    {
        var subscription = new Subscription(this, name);
        lock (gate)
        {
            if (!subscriptions.TryGetValue(name, out var listeners))
                subscriptions.Add(name, listeners = []);
            listeners.Add(subscription);
        }
        return subscription;
    }

    public void Raise(string name)
    {
        lock (gate)
        {
            if (!subscriptions.TryGetValue(name, out var listeners))
                return;
            foreach (var listener in listeners)
                listener.Set();
        }
    }

    internal sealed class Subscription(Signals owner, string name) : IDisposable
    {
        private readonly SemaphoreSlim raised = new(0, 1);

        /// <summary>Returns when the signal was raised since the last wait, at the latest after the poll interval.</summary>
        public Task WaitAsync(CancellationToken cancellationToken) => raised.WaitAsync(PollInterval, cancellationToken);

        public void Set()
        {
            // Called under the owner's lock, so that no second release comes between.
            if (raised.CurrentCount == 0)
                raised.Release();
        }

        public void Dispose()
        {
            lock (owner.gate)
            {
                var listeners = owner.subscriptions[name];
                listeners.Remove(this);
                if (listeners.Count == 0)
                    owner.subscriptions.Remove(name);
            }
            raised.Dispose();
        }
    }
}
