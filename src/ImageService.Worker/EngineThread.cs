using System.Threading.Channels;
using ImageService.Diffusion;
using ImageService.Diffusion.Denoise;

namespace ImageService.Worker;

/// <summary>
/// The one thread that owns models and batches. Everyone else sends it messages, which it reads between two turns of the engine; it blocks only when there is
/// nothing to draw.
/// </summary>
internal sealed class EngineThread : IDisposable
{
    private readonly Channel<Action<DenoiseEngine>> _messages = Channel.CreateUnbounded<Action<DenoiseEngine>>(new UnboundedChannelOptions { SingleReader = true });
    private readonly DenoiseEngine _engine;
    private readonly SideThread _lane;
    private readonly ModelPool _models;
    private readonly PaceMeter _pace;
    private readonly ILogger<EngineThread> _logger;
    private readonly Thread _thread;
    private readonly TimeProvider _time;
    private readonly RowPolicy _rows;
    private readonly TaskCompletionSource _deviceLost = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _turnBegan; // 0 = idle

    public EngineThread(RowBudgets budgets, JobPreparation preparation, ModelPool models, PaceMeter pace, TimeProvider time, ILogger<EngineThread> logger)
    {
        _rows = budgets.Policy;
        _lane = new SideThread(done => _messages.Writer.TryWrite(_ => done()));
        _engine = new DenoiseEngine(_rows, preparation, models, time, _lane);
        _models = models;
        _models.LoadEnded = () => _messages.Writer.TryWrite(_ => _models.TakePreloaded());
        _models.Ready = model => MakeReady(model, budgets);
        _models.Unloading = _engine.Forget;
        _pace = pace;
        _logger = logger;
        _time = time;
        _thread = new Thread(Run) { IsBackground = true, Name = "Denoise engine" };
        _thread.Start();
    }

    /// <summary>False after the thread's end, wanted or not.</summary>
    public bool IsAlive => _thread.IsAlive;

    /// <summary>Completes when the device is gone: from then on nothing is drawn, and what is here can only be saved.</summary>
    public Task DeviceLost => _deviceLost.Task;

    /// <summary>How long the turn under way has lasted; zero when idle. A turn is one U-Net call and what goes with it.</summary>
    public TimeSpan InTurn => Volatile.Read(ref _turnBegan) is not 0 and var began ? _time.GetElapsedTime(began) : TimeSpan.Zero;

    /// <summary>The job joins at the next step boundary at which its rows fit.</summary>
    public void Add(DenoiseJob job) => Send(engine => engine.Add(job));

    /// <summary>The job takes no part in any step that begins after this.</summary>
    public void Cancel(DenoiseJob job) => _messages.Writer.TryWrite(engine => engine.Cancel(job)); // after the thread's end there is nothing to cancel

    /// <summary>Takes the job out at the next step boundary.</summary>
    /// <returns>As <see cref="DenoiseEngine.Save"/>.</returns>
    public Task<ReadOnlyMemory<byte>?> SaveAsync(DenoiseJob job)
    {
        var saved = new TaskCompletionSource<ReadOnlyMemory<byte>?>(TaskCreationOptions.RunContinuationsAsynchronously);
        Send(engine =>
        {
            try
            {
                saved.SetResult(engine.Save(job));
            }
            catch (Exception e)
            {
                saved.SetException(e);
            }
        });
        return saved.Task;
    }

    /// <summary>Ends the thread after the turn it is in and unloads the models.</summary>
    public void Dispose()
    {
        _messages.Writer.TryComplete();
        if (Thread.CurrentThread != _thread)
            _thread.Join();
    }

    private void Send(Action<DenoiseEngine> message)
    {
        ObjectDisposedException.ThrowIf(!_messages.Writer.TryWrite(message), this);
    }

    private void Run()
    {
        var messages = _messages.Reader;
        _models.Preload();
        var busySince = 0L;
        while (!messages.Completion.IsCompleted)
        {
            var worked = false;
            Volatile.Write(ref _turnBegan, Math.Max(1, _time.GetTimestamp()));
            try
            {
                while (messages.TryRead(out var message))
                    message(_engine);
                if (_engine.HasWork && !DeviceLost.IsCompleted)
                {
                    // Where there was something to draw, the wait between two turns was for the side lane.
                    busySince = _engine.Draws ? busySince : _time.GetTimestamp();
                    var turn = _engine.Turn();
                    WorkerTelemetry.Turned(turn, _rows);
                    _pace.Turned(turn, _time.GetElapsedTime(busySince).TotalSeconds);
                    busySince = _time.GetTimestamp();
                    worked = turn.Worked;
                }
            }
            catch (DeviceLostException e)
            {
                Log.DeviceLost(_logger, e);
                _deviceLost.TrySetResult();
            }
            catch (Exception e)
            {
                // Not a model's failure, the engine contains those: a defect. The jobs go back to the queue, the process stays.
                Log.EngineFailed(_logger, e);
                _engine.FailAll(new DenoiseFailure("engine_failed", $"The engine failed: {e.Message}", Retry: true, e));
            }
            Volatile.Write(ref _turnBegan, 0);
            if (!worked && !messages.Completion.IsCompleted)
                messages.WaitToReadAsync().AsTask().GetAwaiter().GetResult();
        }
        _lane.Dispose();
        // To free what lay on a lost device is an error of its own, or never ends.
        if (!DeviceLost.IsCompleted)
            _models.Dispose();
    }

    private void MakeReady(IDiffusionModel model, RowBudgets budgets)
    {
        budgets.Learn(model, idle: !_engine.Draws, _time);
        if (_engine.Draws || _rows.Sizes.Count == 0)
            return; // it would hold them up; or nothing is gained by it
        var (size, began) = (model.Info.Description, _time.GetTimestamp());
        var calls = RowWarmUp.Run(model, _rows, _time);
        Log.WarmedUp(_logger, size.Id, size.DefaultWidth, size.DefaultHeight, calls, _time.GetElapsedTime(began).TotalSeconds);
    }
}
