using Microsoft.Extensions.Options;

namespace ImageService.Api;

/// <summary>
/// The pause between the word to stop and the stop. ApplicationStopping comes first and makes readiness false; the host then waits here with
/// its sockets open; what holds a connection for long leaves when <see cref="Over"/> says so.
/// </summary>
internal sealed class Drain : IHostedLifecycleService, IDisposable
{
    private readonly CancellationTokenSource _over = new();
    private readonly CancellationTokenRegistration _word;
    private readonly Lazy<Task> _pause;

    public Drain(IOptions<ApiOptions> options, TimeProvider time, IHostApplicationLifetime lifetime)
    {
        _pause = new(async () =>
        {
            await Task.Delay(TimeSpan.FromSeconds(options.Value.DrainSeconds), time);
            await _over.CancelAsync();
        });
        _word = lifetime.ApplicationStopping.Register(() => _ = _pause.Value);
    }

    /// <summary>Streams and waiting requests end now: shutdown itself would abort them only when its time is up.</summary>
    public CancellationToken Over => _over.Token;

    public Task StoppingAsync(CancellationToken cancellationToken) =>
        _pause.Value.WaitAsync(cancellationToken).ContinueWith(static _ => { }, TaskScheduler.Default);

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose()
    {
        _word.Dispose();
        _over.Dispose();
    }
}
