using ImageService.Core;

namespace ImageService.Storage;

/// <summary>Calls to an object store: what its client throws becomes a <see cref="BlobUnavailableException"/> that says what could not be done.</summary>
/// <param name="isRefusal">The exceptions of the store's own client.</param>
internal sealed class RemoteCall(Func<Exception, bool> isRefusal)
{
    public async Task<T> RunAsync<T>(string failure, Func<Task<T>> call, CancellationToken cancellationToken)
    {
        try
        {
            return await call();
        }
        catch (Exception e) when (isRefusal(e) || e is HttpRequestException or IOException or TimeoutException
            || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested)) // a timeout of the client's own
        {
            throw new BlobUnavailableException($"{failure}: {e.Message}", e);
        }
    }
}
