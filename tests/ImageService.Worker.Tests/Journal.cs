namespace ImageService.Worker.Tests;

/// <summary>What happened in which order, and a way to wait for it without looking at a clock.</summary>
internal sealed class Journal
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private readonly Lock _lock = new();
    private readonly List<string> _entries = [];
    private TaskCompletionSource _changed = New();

    public IReadOnlyList<string> Entries
    {
        get
        {
            lock (_lock)
                return [.. _entries];
        }
    }

    public void Add(string entry)
    {
        lock (_lock)
        {
            _entries.Add(entry);
            _changed.TrySetResult();
            _changed = New();
        }
    }

    public Task Has(string entry, int times = 1) => When(entries => entries.Count(e => e.StartsWith(entry, StringComparison.Ordinal)) >= times);

    public async Task When(Func<IReadOnlyList<string>, bool> holds)
    {
        while (true)
        {
            Task changed;
            lock (_lock)
            {
                if (holds(_entries))
                    return;
                changed = _changed.Task;
            }
            try
            {
                await changed.WaitAsync(Patience);
            }
            catch (TimeoutException)
            {
                Assert.Fail("It never happened. What did:\n" + string.Join('\n', Entries));
            }
        }
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
