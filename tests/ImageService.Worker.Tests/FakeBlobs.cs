using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using ImageService.Core;

namespace ImageService.Worker.Tests;

internal sealed class FakeBlobs(Journal journal) : IBlobStore
{
    private int _failures;

    public ConcurrentDictionary<string, byte[]> Content { get; } = new();

    /// <summary>Managed ids of the threads that wrote.</summary>
    public ConcurrentBag<int> WrittenOn { get; } = [];

    /// <summary>Writes arrive damaged.</summary>
    public bool Damage { get; set; }

    public void FailNextWrites(int count) => _failures = count;

    public Task PutAsync(string name, ReadOnlyMemory<byte> content, string contentType, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        WrittenOn.Add(Environment.CurrentManagedThreadId);
        if (Interlocked.Decrement(ref _failures) >= 0)
        {
            journal.Add($"put failed {name}");
            throw new BlobUnavailableException("The disk is full.");
        }
        Content[name] = Damage ? content.ToArray()[..^1] : content.ToArray();
        journal.Add($"put {name}");
        return Task.CompletedTask;
    }

    public Task<Stream?> OpenReadAsync(string name, CancellationToken cancellationToken) =>
        Task.FromResult<Stream?>(Content.TryGetValue(name, out var content) ? new MemoryStream(content) : null);

    public Task DeleteAsync(IReadOnlyCollection<string> names, CancellationToken cancellationToken) =>
        throw new InvalidOperationException("A worker deletes nothing: a picture may count although an answer was lost.");

    public async IAsyncEnumerable<BlobEntry> ListAsync(string prefix, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.CompletedTask;
        yield break;
    }

    public Task<Uri?> GetUrlAsync(string name, TimeSpan lifetime, CancellationToken cancellationToken) => Task.FromResult<Uri?>(null);
}
