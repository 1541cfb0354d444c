using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace ImageService.Storage.Telemetry;

/// <summary>Runs calls to a store in a span and counts those that fail.</summary>
internal static class Watched
{
    public static async Task<T> RunAsync<T>(string store, string operation, Func<Task<T>> call)
    {
        using var activity = StorageTelemetry.Begin($"{store} {operation}");
        try
        {
            return await call();
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            Fail(store, activity, e);
            throw;
        }
    }

    public static Task RunAsync(string store, string operation, Func<Task> call) => RunAsync(store, operation, async () =>
    {
        await call();
        return true;
    });

    /// <summary>Without a span: a stream lasts as long as somebody listens.</summary>
    public static async IAsyncEnumerable<T> Stream<T>(string store, IAsyncEnumerable<T> source, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await using var items = source.GetAsyncEnumerator(cancellationToken);
        while (true)
        {
            try
            {
                if (!await items.MoveNextAsync())
                    yield break;
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                Fail(store, null, e);
                throw;
            }
            yield return items.Current;
        }
    }

    private static void Fail(string store, Activity? activity, Exception e)
    {
        StorageTelemetry.Failed(store);
        activity?.SetStatus(ActivityStatusCode.Error, e.Message);
    }
}
