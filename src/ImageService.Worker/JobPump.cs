using System.Threading.Channels;
using ImageService.Core;
using ImageService.Hosting;
using Microsoft.Extensions.Options;

namespace ImageService.Worker;

/// <summary>
/// Leases jobs while the engine has rows free, starts a <see cref="JobRun"/> for each, and at shutdown hands back what is not finished.
/// </summary>
internal sealed class JobPump(IJobQueue queue, JobRunServices services, LeaseKeeper keeper, IOptions<WorkerOptions> options, IHostApplicationLifetime lifetime, HostExit exit,
    TimeProvider time, ILogger<JobPump> logger) : BackgroundService
{
    private const int MostJobsAtOnce = 32;
    private const double Rounding = 1e-6;
    private readonly Channel<bool> _rowsFreed = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly WorkerOptions _options = options.Value;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var drained = new CancellationTokenSource();
        var keeping = keeper.RunAsync(drained.Token);
        using var leasing = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
        var lost = services.Engine.DeviceLost.ContinueWith(_ => leasing.Cancel(), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        await LeaseAsync(leasing.Token);
        await DrainAsync();
        await drained.CancelAsync();
        await keeping;
        if (!lost.IsCompleted)
            return;
        // Only a new process may find the device again.
        exit.Code = HostProgram.DeviceLost;
        lifetime.StopApplication();
    }

    private async Task LeaseAsync(CancellationToken stopping)
    {
        var models = services.Models.Descriptions.Select(m => m.Id).ToList();
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                var free = FreeRows();
                if (free <= 0)
                {
                    await _rowsFreed.Reader.ReadAsync(stopping);
                    continue;
                }
                // Most pictures take two rows. Not canceled: a job that was taken in the store must be known here.
                var request = new LeaseRequest(Math.Clamp(free / 2, 1, MostJobsAtOnce), _options.Id, _options.Lease, models);
                var leased = await queue.LeaseAsync(request, CancellationToken.None);
                foreach (var job in leased)
                    Start(job);
                if (leased.Count == 0)
                    await queue.WaitForWorkAsync(stopping);
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                Log.LeaseFailed(logger, e);
                await Task.Delay(TimeSpan.FromSeconds(1), time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    // In rows of the models' own sizes: a picture twice as large, of which a call takes half as many, counts as two.
    private int FreeRows()
    {
        var rows = services.Models.Descriptions.Select(m => services.Budgets.For(m.Id, m.DefaultWidth, m.DefaultHeight)).DefaultIfEmpty(1).Max();
        return (int)Math.Floor(rows * (1 - keeper.Runs.Sum(r => r.CallsLeft)) + _options.LookAheadRows + Rounding);
    }

    private void Start(LeasedJob leased)
    {
        var run = new JobRun(leased, services, RowsFreed);
        if (!keeper.TryAdd(run))
        {
            run.Dispose();
            return;
        }
        if (leased is { Job.Attempts: 1, State.Length: 0 })
            WorkerTelemetry.LeasedFirst(services.Waited(leased.Job));
        Log.JobLeased(logger, leased.Lease.Id, leased.Lease.Token, leased.Job.Attempts, leased.State.Length);
        run.Ended = RunToEndAsync(run);
    }

    private async Task RunToEndAsync(JobRun run)
    {
        try
        {
            var outcome = await run.RunAsync();
            WorkerTelemetry.Left(outcome, services.SinceFirstLease(run.Job));
            if (outcome is JobOutcome.Lost or JobOutcome.Canceled)
                Log.JobLost(logger, run.Lease.Id, run.Lease.Token);
        }
        catch (Exception e)
        {
            // The lease runs out and the job goes to whoever is next.
            Log.RunFailed(logger, e, run.Lease.Id);
        }
        finally
        {
            keeper.Remove(run);
            RowsFreed();
            run.Dispose();
        }
    }

    private void RowsFreed() => _rowsFreed.Writer.TryWrite(true);

    // What fits into the grace time is finished, the rest is handed back at once: another worker may go on with it.
    private async Task DrainAsync()
    {
        var runs = keeper.Runs.ToList();
        if (runs.Count == 0)
            return;
        var forRelease = TimeSpan.FromSeconds(Math.Min(5, _options.Grace.TotalSeconds / 4));
        var forWork = _options.Grace - forRelease;
        var staying = services.Engine.DeviceLost.IsCompleted ? [] : runs.Where(r => r.TimeLeft < forWork).ToList();
        Log.Draining(logger, staying.Count, runs.Count - staying.Count, _options.Grace.TotalSeconds);
        using var over = new CancellationTokenSource();
        try
        {
            await DrainAsync(runs.Except(staying), staying, forWork, over.Token).WaitAsync(_options.Grace, time);
        }
        catch (Exception e)
        {
            // What is left returns to the queue when its lease runs out.
            Log.DrainIncomplete(logger, e, keeper.Runs.Count());
        }
        await over.CancelAsync();
    }

    private async Task DrainAsync(IEnumerable<JobRun> leaving, List<JobRun> staying, TimeSpan forWork, CancellationToken over)
    {
        var left = ReleaseAsync(leaving, over);
        if (staying.Count > 0)
        {
            await Task.WhenAny(Task.WhenAll(staying.Select(r => r.Ended)), Task.Delay(forWork, time, over));
            await ReleaseAsync(staying.Where(r => !r.Ended.IsCompleted), over);
        }
        await left;
    }

    private static async Task ReleaseAsync(IEnumerable<JobRun> leaving, CancellationToken over)
    {
        var runs = leaving.ToList();
        await Task.WhenAll(runs.Select(r => r.ReleaseAsync(over)));
        await Task.WhenAll(runs.Select(r => r.Ended));
    }
}
