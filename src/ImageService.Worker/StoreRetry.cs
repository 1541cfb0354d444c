using ImageService.Core;

namespace ImageService.Worker;

/// <summary>Repeats a call to the job store until the store answers: its outage must not cost a job whose work is done.</summary>
internal sealed class StoreRetry(TimeProvider time, ILogger<StoreRetry> logger)
{
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(5);

    public async Task<T> RunAsync<T>(Func<CancellationToken, Task<T>> call, CancellationToken cancellationToken)
    {
        for (var delay = TimeSpan.FromMilliseconds(200); ; delay = delay * 2 < Longest ? delay * 2 : Longest)
        {
            try
            {
                return await call(cancellationToken);
            }
            catch (StoreUnavailableException e)
            {
                Log.StoreUnavailable(logger, e, delay.TotalSeconds);
                await Task.Delay(delay, time, cancellationToken);
            }
        }
    }
}
