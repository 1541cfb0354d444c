using System.Collections.Concurrent;
using ImageService.Core;
using Microsoft.Extensions.Options;

namespace ImageService.Worker;

/// <summary>Keeps the leases of running jobs, and drops the jobs whose lease is gone: canceled, or given to another worker.</summary>
internal sealed class LeaseKeeper(IJobQueue queue, IOptions<WorkerOptions> options, TimeProvider time, ILogger<LeaseKeeper> logger)
{
    private static readonly TimeSpan AfterOutage = TimeSpan.FromSeconds(1);
    private readonly ConcurrentDictionary<Lease, JobRun> _runs = new();

    public IEnumerable<JobRun> Runs => _runs.Values;

    public bool TryAdd(JobRun run) => _runs.TryAdd(run.Lease, run);

    public void Remove(JobRun run) => _runs.TryRemove(run.Lease, out _);

    public Task RunAsync(CancellationToken cancellationToken) => Task.WhenAll(RenewAsync(cancellationToken), ListenAsync(cancellationToken));

    private async Task RenewAsync(CancellationToken cancellationToken)
    {
        for (var pause = options.Value.Renewal; ;)
        {
            await Task.Delay(pause, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (cancellationToken.IsCancellationRequested)
                return;
            try
            {
                var held = _runs.Keys.ToList();
                foreach (var lost in held.Count == 0 ? [] : await queue.RenewAsync(held, options.Value.Lease, cancellationToken))
                    Drop(lost.Lease, lost.Canceled ? JobOutcome.Canceled : JobOutcome.Lost);
                pause = options.Value.Renewal;
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                // The job goes on: should another worker take it over meanwhile, the token keeps this one's result out.
                Log.RenewalFailed(logger, e);
                pause = TimeSpan.FromSeconds(Math.Min(AfterOutage.TotalSeconds, options.Value.Renewal.TotalSeconds / 4));
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private async Task ListenAsync(CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                await foreach (var id in queue.CancellationsAsync(cancellationToken))
                {
                    foreach (var lease in _runs.Keys.Where(l => l.Id == id))
                        Drop(lease, JobOutcome.Canceled);
                }
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                Log.CancellationsFailed(logger, e);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            await Task.Delay(AfterOutage, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private void Drop(Lease lease, JobOutcome why)
    {
        if (_runs.TryGetValue(lease, out var run))
            run.Drop(why);
    }
}
